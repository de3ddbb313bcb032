"""Events that are larger than a server can send, or nearly so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bson
import pytest

from fixtures.mongo_proxies import SPLIT, Splitting
from fixtures.mongo_tapped import Rows
from singer_kit.errors import ConfigError, SourceUnreachableError
from tap_mongodb import TapMongoDB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.fix_mongodb import Server
    from fixtures.mongo_tapped import Tapped

MOST = 64 << 10
"""Bytes that a splitting server sends in one piece."""
TEXT = "x" * 2 * MOST
FIRST_ANSWER = 101
"""Events at most."""


@pytest.fixture
def splitting(mongod: Tapped, mongodb: Server) -> Iterator[Splitting]:
    """What ``mongod`` goes through from now on."""
    host, port = mongodb.client.address or ("127.0.0.1", 27017)
    proxy = Splitting(host, port, MOST)
    mongod.uri = proxy.uri
    yield proxy
    proxy.close()


@pytest.mark.parametrize("oversize_events", ["split", "fail"])
def test_a_large_update_is_a_row(mongod: Tapped, oversize_events: str) -> None:
    """Its event tells the text twice, and has more than 16 MB, if nothing is left out of it."""
    mongod.database.songs.insert_one({"_id": "a", "n": 1})
    first = mongod.tap(oversize_events=oversize_events)
    large = "x" * 9_000_000
    mongod.database.songs.update_one({"_id": "a"}, {"$set": {"n": 2, "text": large}})
    rows = Rows().load(mongod.tap(first.state, oversize_events=oversize_events))
    assert bson.encode(rows.alive("songs")["a"]) == bson.encode({"_id": "a", "n": 2, "text": large})


def test_a_server_leaves_out_update_descriptions_and_is_not_asked_for_parts(
    mongod: Tapped, splitting: Splitting
) -> None:
    mongod.database.songs.insert_one({"_id": "a", "n": 1})
    state = mongod.tap().state
    mongod.database.songs.update_one({"_id": "a"}, {"$set": {"n": 2}})
    splitting.pipelines.clear()
    output = mongod.tap(state)
    assert [record["document"] for record in output.records("songs")] == [{"_id": "a", "n": 2}]
    (stages,) = splitting.pipelines
    assert (SPLIT in stages, "$project" in stages) == (False, True)


@pytest.mark.parametrize("before", [0, 3 * FIRST_ANSWER])
def test_a_large_event_comes_in_parts_and_the_next_run_goes_on_behind_it(
    mongod: Tapped, splitting: Splitting, before: int
) -> None:
    """It is met in the server's first answer, or in a later one."""
    mongod.database.songs.insert_one({"_id": "a", "n": 1})
    state = mongod.tap(output_mode="both").state
    small = [{"_id": f"s{n}", "n": n} for n in range(before)]
    if small:
        mongod.database.songs.insert_many(small)
    mongod.database.songs.update_one({"_id": "a"}, {"$set": {"n": 2, "text": TEXT}})
    mongod.database.songs.insert_one({"_id": "b", "n": 3})
    # The last one is seen, and left to the next run.
    output = mongod.tap(state, output_mode="both", max_events=before + 2)
    rows = Rows().load(output)
    assert rows.alive("songs") == {
        "a": {"_id": "a", "n": 2, "text": TEXT},
        **{document["_id"]: document for document in small},
    }
    assert output.records("songs__rejected") == []
    *others, large = output.records("songs__changes")
    assert [event["object_id"] for event in others] == [document["_id"] for document in small]
    assert (large["operation_type"], large["document"]) == ("update", rows.alive("songs")["a"])

    splitting.pipelines.clear()
    output = mongod.tap(output.state, output_mode="both")
    assert [event["object_id"] for event in output.records("songs__changes")] == ["b"]
    assert SPLIT in splitting.pipelines[-1]

    mongod.database.songs.insert_one({"_id": "c", "n": 4})
    splitting.pipelines.clear()
    output = mongod.tap(output.state, output_mode="both")
    assert [event["object_id"] for event in output.records("songs__changes")] == ["c"]
    assert [SPLIT in stages for stages in splitting.pipelines] == [False]


@pytest.mark.parametrize("before", [0, 3 * FIRST_ANSWER])
def test_a_large_event_may_be_asked_for_without_its_document(
    mongod: Tapped, splitting: Splitting, before: int
) -> None:
    settings: dict[str, Any] = {"oversize_events": "skip_and_quarantine"}
    mongod.database.create_collection("songs")
    state = mongod.tap(**settings).state
    documents = [{"_id": f"s{n}", "n": n} for n in range(before)]
    documents.append({"_id": "a", "n": 1, "text": TEXT})
    mongod.database.songs.insert_many(documents)
    output = mongod.tap(state, **settings)
    rows = Rows().load(output)
    assert rows.alive("songs") == {document["_id"]: document for document in documents}
    assert [row["error_code"] for row in output.records("songs__rejected")] == ["event_too_large"]
    assert not any(SPLIT in stages for stages in splitting.pipelines)


@pytest.mark.parametrize("profile", ["cannot split", "is not asked to"])
def test_an_event_that_stays_too_large_is_an_error_that_says_what_to_do(
    request: pytest.FixtureRequest, mongod: Tapped, mongodb: Server, profile: str
) -> None:
    settings: dict[str, Any] = {"oversize_events": "fail"}
    if profile == "cannot split":
        mongod.uri, settings = request.getfixturevalue("documentdb").uri, {}
    mongod.database.create_collection("songs")
    state = mongod.tap(**settings).state
    mongod.database.songs.insert_many([{"_id": n} for n in range(3 * FIRST_ANSWER)])
    mongodb.fail(["getMore"], errorCode=10334)  # BSONObjectTooLarge
    try:
        with pytest.raises(ConfigError, match=r"above 16 MB .* skip_and_quarantine"):
            mongod.tap(state, **settings)
    finally:
        mongodb.heal()
    assert mongod.tap(state, **settings).counts() == {"songs": 3 * FIRST_ANSWER}


def test_a_server_that_goes_is_not_one_that_cannot_split(mongod: Tapped, mongodb: Server) -> None:
    source = TapMongoDB(config=mongod.config()).source
    assert source.can_split()
    mongodb.fail(["aggregate"], times=4, closeConnection=True)
    try:
        with pytest.raises(SourceUnreachableError, match="check that the server is up"):
            source.can_split()
    finally:
        mongodb.heal()
    source.close()


def test_an_event_that_is_too_large_costs_no_row_and_none_of_the_others(
    mongod: Tapped, mongodb: Server
) -> None:
    settings: dict[str, Any] = {
        "output_mode": "both",
        "oversize_events": "skip_and_quarantine",
    }
    mongod.database.songs.insert_one({"_id": "a", "n": 1})
    state = mongod.tap(**settings).state
    # More than the server's first answer has, so that the next one is asked for.
    mongod.database.songs.insert_many([{"_id": f"s{n}", "n": n} for n in range(300)])
    mongod.database.songs.delete_one({"_id": "a"})
    mongodb.fail(["getMore"], errorCode=10334)  # BSONObjectTooLarge
    try:
        output = mongod.tap(state, **settings)
    finally:
        mongodb.heal()
    rows = Rows().load(output)
    assert {key: row["n"] for key, row in rows.alive("songs").items()} == {
        f"s{n}": n for n in range(300)
    }
    assert rows.deleted("songs") == {"a"}
    (rejected,) = output.records("songs__rejected")
    assert rejected["error_code"] == "event_too_large"
    *inserted, deleted = output.records("songs__changes")
    assert [event["object_id"] for event in inserted] == [f"s{n}" for n in range(300)]
    assert deleted["object_id"] == "a"
    bare = [event["object_id"] for event in inserted if "n" not in event["document"]]
    place = f"{mongod.database.name}.songs"
    assert [f"{place}/{key}" for key in bare] == [rejected["source_key"]]
    assert mongod.tap(output.state, **settings).counts() == {}
