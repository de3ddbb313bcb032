"""Reading whole collections: in chunks, in the order of ids of any type, from where it ended."""

from __future__ import annotations

import datetime as dt
import json
import threading
import uuid
from contextlib import closing
from typing import TYPE_CHECKING, Any

import bson
import pytest
from bson import (
    Binary,
    Code,
    Decimal128,
    Int64,
    MaxKey,
    MinKey,
    ObjectId,
    Timestamp,
)

from fixtures.mongo_proxies import Proxy
from fixtures.mongo_tapped import Rows
from fixtures.singer import run_tap
from tap_mongodb import TapMongoDB
from tap_mongodb.brackets import filters_after
from tap_mongodb.prefetch import ahead
from tap_mongodb.sync import track

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fixtures.fix_mongodb import Server
    from fixtures.mongo_tapped import Tapped
    from fixtures.singer import Output

IDS: list[Any] = [
    MinKey(),
    None,
    float("nan"),
    float("-inf"),
    -1,
    2.5,
    Decimal128("3.1"),
    Int64(2**40),
    "",
    "a",
    "{",
    "6b013ce23586d8224ce32bb1",
    {},
    {"a": 1},
    {"a": {"b": 2}},
    Binary(b"aa"),
    Binary(b"ab"),
    Binary(b"ac", 5),
    ObjectId("6b013ce23586d8224ce32bb1"),
    ObjectId("6b013ce23586d8224ce32bb2"),
    False,
    True,
    dt.datetime(1969, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    Timestamp(1, 1),
    Timestamp(2, 1),
    Code("x"),
    MaxKey(),
]


@pytest.mark.parametrize("chunk", [1, 2, 3, 1_000])
def test_ids_of_every_type_in_one_collection_are_read_once_each(mongo: Tapped, chunk: int) -> None:
    mongo.database.odd.insert_many([{"_id": each, "n": at} for at, each in enumerate(IDS)])
    output = mongo.tap(snapshot_chunk_size=chunk)
    read = [record["document"]["n"] for record in output.records("odd")]
    assert sorted(read) == list(range(len(IDS)))
    assert len({record["_id"] for record in output.records("odd")}) == len(IDS)


def test_uuids_are_read_in_chunks(mongo: Tapped) -> None:
    ids = [Binary.from_uuid(uuid.uuid4()) for _ in range(50)]
    mongo.database.odd.insert_many([{"_id": each} for each in ids])
    assert mongo.tap(snapshot_chunk_size=7).counts() == {"odd": 50}


def test_every_state_inside_a_snapshot_goes_on_behind_it(mongo: Tapped) -> None:
    mongo.database.odd.insert_many([{"_id": each, "n": at} for at, each in enumerate(IDS)])
    whole = mongo.tap(snapshot_chunk_size=5, state_interval_records=2)
    inside = [
        state
        for state in whole.states
        if state["bookmarks"]["odd"]["phase"] == "snapshot"
        and "last_id" in state["bookmarks"]["odd"]["snapshot"]
    ]
    assert len(inside) >= 10
    order = [record["_id"] for record in whole.records("odd")]
    for state in inside[::3]:
        last = json.dumps(state["bookmarks"]["odd"]["snapshot"]["last_id"])
        rest = mongo.tap(json.loads(json.dumps(state)), snapshot_chunk_size=5)
        read = [record["_id"] for record in rest.records("odd")]
        assert read == order[len(order) - len(read) :], last
        assert 0 < len(read) < len(order)
        # What was read before is of the same version, so the activation keeps it.
        (activation,) = [m for m in rest.messages if m["type"] == "ACTIVATE_VERSION"]
        assert activation["version"] == state["bookmarks"]["odd"]["snapshot"]["version"]


def test_filters_use_the_id_as_it_is_stored() -> None:
    assert filters_after(None) == [{}]
    (same, later) = filters_after(bson.encode({"_id": Int64(5)}))
    assert bson.decode(bson.encode(same)) == {"_id": {"$gt": Int64(5)}}
    assert "string" in later["_id"]["$type"]
    assert "double" not in later["_id"]["$type"]
    assert filters_after(bson.encode({"_id": MaxKey()})) == []
    (only,) = filters_after(bson.encode({"_id": None}))
    assert only["_id"]["$type"][0] == "double"


def interrupted(mongo: Tapped, after: int, **settings: Any) -> Output:
    """Run the tap until it is asked to stop after some records."""
    made: list[TapMongoDB] = []

    class Stopped(TapMongoDB):
        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            made.append(self)

        def _write_state(self) -> None:
            super()._write_state()
            if sum(stream.emitted for stream in self.streams.values()) >= after:  # type: ignore[attr-defined]
                self.shutdown._handle(15, None)

    return run_tap(Stopped, mongo.config(**settings))


def test_changes_during_a_snapshot_are_in_the_table(mongo: Tapped) -> None:
    songs = mongo.database.songs
    songs.insert_many([{"_id": f"s{n:03}", "n": n} for n in range(100)])
    settings: dict[str, Any] = {"snapshot_chunk_size": 10, "state_interval_records": 10}
    first = interrupted(mongo, 30, **settings)
    assert first.error is None
    assert len(first.records("songs")) < 60
    songs.update_one({"_id": "s001"}, {"$set": {"n": -1}})
    songs.update_one({"_id": "s099"}, {"$set": {"n": -99}})
    songs.delete_many({"_id": {"$in": ["s002", "s098"]}})
    songs.insert_one({"_id": "s0005", "n": 5})
    second = mongo.tap(first.state, **settings)
    assert len(second.records("songs")) < 100
    rows = Rows().load(first).load(second)
    expected = {each["_id"]: each["n"] for each in songs.find()}
    assert {key: row["n"] for key, row in rows.alive("songs").items()} == expected


def test_documents_and_changes_take_turns(mongo: Tapped, monkeypatch: pytest.MonkeyPatch) -> None:
    """A position that waits for a long snapshot would age out of the history."""
    songs = mongo.database.songs
    songs.insert_many([{"_id": f"s{n:03}", "n": n} for n in range(40)])
    caught_up: list[int] = []
    catch_up = track.Track.catch_up

    def watched(self: track.Track, goal: Timestamp) -> None:
        songs.update_one({"_id": "s000"}, {"$inc": {"n": 1_000}})
        catch_up(self, goal)
        (follower,) = self.followers
        caught_up.append(follower.counts["snapshot"])

    monkeypatch.setattr(track.Track, "catch_up", watched)
    output = mongo.tap(snapshot_chunk_size=10, snapshot_round_seconds=0, state_interval_records=1)
    assert caught_up == [10, 20, 30, 40, 40][: len(caught_up)]
    assert len(caught_up) >= 4
    positions = [state["cursor"]["operation_time"] for state in output.states]
    assert len(set(positions)) >= 4
    assert Rows().load(output).alive("songs")["s000"]["n"] >= 3_000


@pytest.mark.parametrize(
    ("mode", "first", "second"),
    [
        ("initial", ["a", "b"], ["b"]),
        ("initial_only", ["a", "b"], []),
        ("no_data", [], ["b"]),
        ("always", ["a", "b"], ["a", "b"]),
    ],
)
def test_snapshot_modes(mongo: Tapped, mode: str, first: list[str], second: list[str]) -> None:
    mongo.database.songs.insert_many([{"_id": "a", "n": 1}, {"_id": "b", "n": 2}])
    output = mongo.tap(snapshot_mode=mode)
    assert [record["_id"] for record in output.records("songs")] == first
    mongo.database.songs.update_one({"_id": "b"}, {"$set": {"n": 3}})
    again = mongo.tap(output.state, snapshot_mode=mode)
    assert sorted({record["_id"] for record in again.records("songs")}) == second


class Counting(Proxy):
    """Counts the readings of collections, and may know of no index."""

    has_index = True

    def __init__(self, host: str, port: int) -> None:
        self.readings = 0
        super().__init__(host, port)

    def _why_not(self, command: dict[str, Any]) -> tuple[int, str] | None:
        if "sort" not in command or command["$db"] == "local":
            return None
        self.readings += 1
        return None if self.has_index or "hint" not in command else (2, "hint")


@pytest.mark.parametrize("has_index", [True, False])
def test_a_collection_is_one_reading_in_the_order_of_its_index_if_it_has_one(
    mongod: Tapped, mongodb: Server, has_index: bool
) -> None:
    mongod.database.songs.insert_many([{"_id": n} for n in reversed(range(100))])
    proxy = Counting(*(mongodb.client.address or ("127.0.0.1", 27017)))
    proxy.has_index = has_index
    mongod.uri = proxy.uri
    read = [record["_id"] for record in mongod.tap(snapshot_chunk_size=7).records("songs")]
    proxy.close()
    assert read == [json.dumps({"$numberInt": str(n)}, separators=(",", ":")) for n in range(100)]
    assert proxy.readings == (1 if has_index else 2)


class Between(Proxy):
    """Lets something happen once, between a reading of documents and its reply."""

    def __init__(self, host: str, port: int, happens: Callable[[], object]) -> None:
        self._happens: Callable[[], object] | None = happens
        super().__init__(host, port)

    def _kept_back(self, answer: dict[str, Any]) -> dict[str, Any] | None:
        cursor = answer.get("cursor", {})
        if self._happens and cursor.get("ns", "").endswith(".songs") and cursor.get("firstBatch"):
            happens, self._happens = self._happens, None
            happens()
        return super()._kept_back(answer)


def test_a_change_between_a_reading_and_its_reply_wins(mongod: Tapped, mongodb: Server) -> None:
    songs = mongod.database.songs
    songs.insert_one({"_id": "a", "n": 1})
    proxy = Between(
        *(mongodb.client.address or ("127.0.0.1", 27017)),
        lambda: songs.update_one({"_id": "a"}, {"$set": {"n": 2}}),
    )
    mongod.uri = proxy.uri
    output = mongod.tap()
    proxy.close()
    read, changed = output.records("songs")
    assert (read["document"]["n"], changed["document"]["n"]) == (1, 2)
    assert read["_sdc_lsn"] < changed["_sdc_lsn"]
    assert Rows().load(output).alive("songs") == {"a": {"_id": "a", "n": 2}}


def test_a_collection_that_is_made_anew_while_it_is_read_is_read_on(
    mongod: Tapped, mongodb: Server
) -> None:
    mongod.database.songs.insert_many([{"_id": n} for n in range(50)])
    # What the server says to a cursor whose collection is dropped or renamed.
    mongodb.fail(["getMore"], errorCode=175)
    try:
        output = mongod.tap(snapshot_chunk_size=7, snapshot_mode="initial_only")
    finally:
        mongodb.heal()
    assert output.counts() == {"songs": 50}


def test_the_next_answer_is_fetched_while_this_one_is_written() -> None:
    asked = threading.Semaphore(0)

    def answers() -> Iterator[int]:
        for number in range(3):
            asked.release()
            yield number

    with closing(ahead(answers())) as found:
        assert next(found) == 0
        assert asked.acquire(timeout=10)
        assert asked.acquire(timeout=10), "the second one is asked for only when it is wanted"
        assert list(found) == [1, 2]


def test_a_fault_comes_behind_the_answers_before_it() -> None:
    def answers() -> Iterator[int]:
        yield 1
        raise ConnectionError

    found = ahead(answers())
    assert next(found) == 1
    with pytest.raises(ConnectionError):
        next(found)
