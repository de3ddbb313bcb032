"""Positions that do not hold: history that is gone, tokens nobody knows, another cluster."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.mongo_proxies import Late
from fixtures.mongo_tapped import Rows, Tapped
from fixtures.singer import run_tap
from singer_kit.errors import HistoryLostError
from tap_mongodb import TapMongoDB

if TYPE_CHECKING:
    from fixtures.fix_mongodb import MakeMongodb, Server
    from fixtures.singer import State


def rolled_over(make_mongodb: MakeMongodb) -> tuple[Tapped, Rows, State]:
    """Return a database whose history has forgotten what came after a first run."""
    server = make_mongodb("--oplog-max-entries", "50")
    mongo = Tapped(server.uri, server.client.raps)
    mongo.database.songs.insert_many([{"_id": f"s{n}", "n": n} for n in range(4)])
    first = mongo.tap()
    mongo.database.songs.delete_one({"_id": "s1"})
    mongo.database.songs.update_one({"_id": "s2"}, {"$set": {"n": 20}})
    # The server looks at its limit after every thousand changes.
    mongo.database.other.insert_many([{"_id": n} for n in range(2_100)])
    return mongo, Rows().load(first), first.state


def test_lost_history_is_said_and_made_good(
    make_mongodb: MakeMongodb, caplog: pytest.LogCaptureFixture
) -> None:
    mongo, rows, state = rolled_over(make_mongodb)
    with pytest.raises(HistoryLostError, match=r"are gone .* gap of \d+ seconds.*on_history_lost"):
        mongo.tap(state, on_history_lost="fail")
    with caplog.at_level(logging.WARNING, "tap-mongodb"):
        anew = mongo.tap(state)
    assert "a gap of" in caplog.text
    rows.load(anew)
    assert {key: row["n"] for key, row in rows.alive("songs").items()} == {
        "s0": 0,
        "s2": 20,
        "s3": 3,
    }
    assert rows.deleted("songs") == {"s1"}
    mongo.database.songs.insert_one({"_id": "s9", "n": 9})
    assert mongo.tap(anew.state).counts() == {"songs": 1}


def test_a_token_that_is_refused_late_is_no_lost_history(mongod: Tapped, mongodb: Server) -> None:
    host, port = mongodb.client.address or ("127.0.0.1", 27017)
    proxy = Late(host, port)
    mongod.uri = proxy.uri
    mongod.database.songs.insert_one({"_id": "a", "n": 1})
    state = mongod.tap().state
    mongod.database.songs.insert_many([{"_id": "b", "n": 2}, {"_id": "c", "n": 3}])
    output = mongod.tap(state, on_history_lost="fail")
    proxy.close()
    assert [record["_id"] for record in output.records("songs")] == ["b", "c"]


def test_after_lost_history_one_may_go_on_with_a_gap(make_mongodb: MakeMongodb) -> None:
    mongo, _, state = rolled_over(make_mongodb)
    gap = mongo.tap(state, on_history_lost="start_from_now", filter_collections=["songs"])
    assert gap.counts() == {}
    mongo.database.songs.insert_one({"_id": "s9", "n": 9})
    assert mongo.tap(gap.state, filter_collections=["songs"]).counts() == {"songs": 1}


@pytest.mark.parametrize(
    "token", [{"_data": "00"}, {"_data": "no hex"}, {"_data": 7}, {"other": "x"}]
)
def test_a_token_that_nobody_knows_gives_way_to_the_time(
    mongo: Tapped, token: dict[str, Any]
) -> None:
    mongo.database.songs.insert_one({"_id": "a", "n": 1})
    state = mongo.tap().state
    state["cursor"]["resume_token"] = token
    mongo.database.songs.update_one({"_id": "a"}, {"$set": {"n": 2}})
    mongo.database.songs.insert_one({"_id": "b", "n": 3})
    output = mongo.tap(state)
    assert {record["_id"]: record["document"]["n"] for record in output.records("songs")} == {
        "a": 2,
        "b": 3,
    }
    assert all(message["type"] != "ACTIVATE_VERSION" for message in output.messages)


def test_a_state_without_a_token_goes_on_from_its_time(mongo: Tapped) -> None:
    mongo.database.songs.insert_one({"_id": "a", "n": 1})
    state = mongo.tap().state
    state["cursor"].pop("resume_token", None)
    mongo.database.songs.insert_one({"_id": "b", "n": 3})
    assert [record["_id"] for record in mongo.tap(state).records("songs")] == ["b"]


def test_an_operator_may_say_where_changes_begin(mongo: Tapped) -> None:
    mongo.database.songs.insert_one({"_id": "a", "n": 1})
    time = mongo.database.command("ping")["operationTime"]
    mongo.database.songs.insert_one({"_id": "b", "n": 2})
    output = mongo.tap(snapshot_mode="no_data", start_at_operation_time=f"{time.time}.{time.inc}")
    assert [record["_id"] for record in output.records("songs")][-1] == "b"
    assert mongo.tap(snapshot_mode="no_data").counts() == {}


def test_another_cluster_is_read_anew_into_the_same_tables(make_mongodb: MakeMongodb) -> None:
    """As after a restore, or a move from MongoDB to DocumentDB."""
    here, there = make_mongodb(), make_mongodb()
    old = Tapped(here.uri, here.client.raps)
    new = Tapped(there.uri, there.client.raps)
    old.database.songs.insert_many([{"_id": key, "n": 1} for key in ("kept", "changed", "gone")])
    first = old.tap(output_mode="both")
    new.database.songs.insert_many(
        [{"_id": "kept", "n": 1}, {"_id": "changed", "n": 2}, {"_id": "made", "n": 3}]
    )
    second = new.tap(first.state, output_mode="both")
    rows = Rows().load(first).load(second)
    assert {key: row["n"] for key, row in rows.alive("songs").items()} == {
        "kept": 1,
        "changed": 2,
        "made": 3,
    }
    assert rows.deleted("songs") == {"gone"}
    new.database.songs.delete_one({"_id": "kept"})
    third = new.tap(second.state, output_mode="both")
    assert third.counts() == {"songs": 1, "songs__changes": 1}
    lsns = [r["_sdc_lsn"] for o in (first, second, third) for r in o.records("songs")]
    assert lsns == sorted(lsns)


def test_versions_never_go_back_where_the_other_clock_is_behind(mongo: Tapped) -> None:
    mongo.database.songs.insert_many([{"_id": "a", "n": 1}, {"_id": "b", "n": 1}])
    first = mongo.tap()
    state = first.state
    ahead = 3_600 * 1_000_000
    state["cursor"]["cluster"] = "rs0/elsewhere:27017"
    state["cursor"]["lsn"] += ahead
    before = first.messages
    for message in before:
        if message["type"] == "RECORD":
            message["record"]["_sdc_lsn"] += ahead
        if "version" in message:
            message["version"] += ahead
    mongo.database.songs.update_one({"_id": "a"}, {"$set": {"n": 2}})
    mongo.database.songs.delete_one({"_id": "b"})
    second = mongo.tap(state)
    mongo.database.songs.update_one({"_id": "a"}, {"$set": {"n": 3}})
    third = mongo.tap(second.state)
    rows = Rows().load(first).load(second).load(third)
    assert rows.alive("songs") == {"a": {"_id": "a", "n": 3}}


def test_a_restored_database_is_known_by_its_collections(
    mongod: Tapped, caplog: pytest.LogCaptureFixture
) -> None:
    mongod.database.songs.insert_many([{"_id": "a", "n": 1}, {"_id": "b", "n": 2}])
    first = mongod.tap()
    state = first.state
    state["bookmarks"]["songs"]["uuid"] = "0" * 32
    mongod.database.songs.delete_one({"_id": "a"})
    with caplog.at_level(logging.WARNING, "tap-mongodb"):
        second = mongod.tap(state)
    assert "UUID" in caplog.text
    rows = Rows().load(first).load(second)
    assert set(rows.alive("songs")) == {"b"}


@pytest.mark.parametrize(
    "state",
    [
        {"bookmarks": {"songs": {"replication_key_value": "8263"}}},
        {"bookmarks": {"songs": {"snapshot": 5, "epoch": "x"}}, "cursor": {"cluster": 1}},
        {"bookmarks": "nonsense", "cursor": []},
        {"cursor": {"cluster": "c", "operation_time": "1795.x"}},
    ],
)
def test_a_state_that_cannot_be_read_means_a_first_run(mongo: Tapped, state: State) -> None:
    mongo.database.songs.insert_one({"_id": "a", "n": 1})
    output = run_tap(TapMongoDB, mongo.config(), json.loads(json.dumps(state)))
    assert output.error is None
    assert output.counts() == {"songs": 1}
