"""What each kind of change does to the rows, on a real server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import bson
import pytest

from fixtures.mongo_tapped import Rows
from singer_kit.errors import HistoryLostError
from tap_mongodb import TapMongoDB

if TYPE_CHECKING:
    from fixtures.fix_mongodb import Server
    from fixtures.mongo_tapped import Tapped


def numbers(documents: dict[str, Any]) -> dict[str, int | None]:
    """Return what tests put into documents, by key."""
    return {key: document and document["n"] for key, document in documents.items()}


def test_a_first_run_reads_all_and_the_next_only_changes(mongo: Tapped) -> None:
    songs = mongo.database.songs
    songs.insert_many([{"_id": f"s{n}", "n": n} for n in range(5)])
    first = mongo.tap()
    assert [record["_id"] for record in first.records("songs")] == ["s0", "s1", "s2", "s3", "s4"]
    rows = Rows().load(first)

    songs.insert_one({"_id": "s5", "n": 5})
    songs.update_one({"_id": "s1"}, {"$set": {"n": 10}})
    songs.replace_one({"_id": "s2"}, {"n": 20})
    songs.delete_one({"_id": "s3"})
    second = mongo.tap(first.state)
    assert [record["_id"] for record in second.records("songs")] == ["s5", "s1", "s2", "s3"]
    rows.load(second)
    assert numbers(rows.alive("songs")) == {"s0": 0, "s1": 10, "s2": 20, "s4": 4, "s5": 5}
    assert rows.deleted("songs") == {"s3"}

    quiet = mongo.tap(second.state)
    assert quiet.counts() == {}


def test_a_quiet_run_moves_the_position_on(mongo: Tapped) -> None:
    """Behind what others did meanwhile: a history that nobody reads ages too."""
    settings: dict[str, Any] = {"filter_collections": ["songs"]}
    mongo.database.songs.insert_one({"_id": "a", "n": 1})
    first = mongo.tap(**settings)
    mongo.database.others.insert_many([{"_id": n} for n in range(3)])
    with mongo.database.watch(max_await_time_ms=2_000) as changes:
        mongo.database.others.insert_one({"_id": "last"})
        time = next(changes)["clusterTime"]
    quiet = mongo.tap(first.state, **settings)
    assert quiet.counts() == {}
    before, after = (output.state["cursor"] for output in (first, quiet))
    seconds, _, increment = after["operation_time"].partition(".")
    assert (int(seconds), int(increment)) >= (time.time, time.inc)
    assert "resume_token" not in after or after["resume_token"] != before["resume_token"]


def test_rows_carry_the_cluster_time_as_their_version(mongo: Tapped) -> None:
    mongo.database.songs.insert_one({"_id": "a", "n": 1})
    first = mongo.tap()
    with mongo.database.watch(max_await_time_ms=2_000) as changes:
        mongo.database.songs.update_one({"_id": "a"}, {"$set": {"n": 2}})
        time = next(changes)["clusterTime"]
    (record,) = mongo.tap(first.state).records("songs")
    assert record["_sdc_lsn"] == time.time * 1_000_000 + time.inc
    assert first.records("songs")[0]["_sdc_lsn"] < record["_sdc_lsn"]


def test_a_row_is_no_newer_than_what_was_there_before_its_reading(mongo: Tapped) -> None:
    """A change between the reading and its answer must win over the row that was read."""
    songs = mongo.database.songs
    songs.insert_one({"_id": "a", "n": 1})
    source = TapMongoDB(config=mongo.config()).source
    before = source.clock()
    documents = source.read("songs", None, 10)
    first = next(documents)
    songs.update_one({"_id": "a"}, {"$set": {"n": 2}})
    with mongo.database.watch(start_at_operation_time=before, max_await_time_ms=2_000) as changes:
        change = next(each for each in changes if each["operationType"] == "update")
    assert bson.decode(first)["n"] == 1
    assert before < change["clusterTime"]
    source.close()


def test_a_delete_keeps_the_other_columns_and_says_when(mongo: Tapped) -> None:
    mongo.database.songs.insert_one({"_id": "a", "n": 1})
    first = mongo.tap()
    mongo.database.songs.delete_one({"_id": "a"})
    second = mongo.tap(first.state)
    (record,) = second.records("songs")
    assert set(record) == {"_id", "_sdc_lsn", "_sdc_deleted_at"}
    gone = datetime.fromisoformat(record["_sdc_deleted_at"])
    assert abs((datetime.now(UTC) - gone).total_seconds()) < 60
    rows = Rows().load(first).load(second)
    assert rows.rows["songs"]["a",]["document"] == {"_id": "a", "n": 1}
    mongo.database.songs.insert_one({"_id": "a", "n": 2})
    rows.load(mongo.tap(second.state))
    assert numbers(rows.alive("songs")) == {"a": 2}


def test_a_delete_may_empty_the_other_columns(mongo: Tapped) -> None:
    mongo.database.songs.insert_one({"_id": "a", "n": 1})
    first = mongo.tap()
    mongo.database.songs.delete_one({"_id": "a"})
    (record,) = mongo.tap(first.state, delete_payload="key_only").records("songs")
    assert record["document"] is None


def test_a_look_up_that_finds_nothing_keeps_the_key(mongo: Tapped) -> None:
    mongo.database.songs.insert_one({"_id": "a", "n": 1})
    first = mongo.tap()
    mongo.database.songs.update_one({"_id": "a"}, {"$set": {"n": 2}})
    mongo.database.songs.delete_one({"_id": "a"})
    second = mongo.tap(first.state)
    update, delete = second.records("songs")
    assert set(update) == {"_id", "_sdc_lsn"}
    assert delete["_sdc_deleted_at"]
    assert Rows().load(first).load(second).deleted("songs") == {"a"}


def test_a_key_changed_twice_in_a_transaction_is_one_row(mongo: Tapped, mongodb: Server) -> None:
    mongo.database.songs.insert_one({"_id": "a", "n": 1})
    mongo.database.people.insert_one({"_id": "p", "n": 1})
    first = mongo.tap()
    with mongodb.client.start_session() as session, session.start_transaction():
        mongo.database.songs.replace_one({"_id": "a"}, {"n": 2}, session=session)
        mongo.database.songs.insert_one({"_id": "b", "n": 3}, session=session)
        mongo.database.people.delete_one({"_id": "p"}, session=session)
        mongo.database.songs.replace_one({"_id": "a"}, {"n": 4}, session=session)
        mongo.database.songs.delete_one({"_id": "b"}, session=session)
    second = mongo.tap(first.state, state_interval_records=1)
    records = [*second.records("songs"), *second.records("people")]
    assert len({record["_sdc_lsn"] for record in records}) == 1
    keys = [record["_id"] for record in records]
    assert sorted(keys) == ["a", "b", "p"]
    rows = Rows().load(first).load(second)
    assert numbers(rows.alive("songs")) == {"a": 4}
    assert rows.deleted("songs") == {"b"}
    assert rows.rows["songs"]["b",]["document"] == {"_id": "b", "n": 3}
    # No state is between the rows of one transaction.
    kinds = [message["type"] for message in second.messages]
    at = [place for place, kind in enumerate(kinds) if kind == "RECORD"]
    assert kinds[at[0] : at[-1] + 1] == ["RECORD"] * 3


def test_a_dropped_collection_marks_its_rows(mongo: Tapped) -> None:
    mongo.database.songs.insert_many([{"_id": "a", "n": 1}, {"_id": "b", "n": 2}])
    mongo.database.people.insert_one({"_id": "p", "n": 1})
    first = mongo.tap()
    mongo.database.songs.drop()
    second = mongo.tap(first.state)
    reasons = [m["reason"] for m in second.messages if m["type"] == "ACTIVATE_VERSION"]
    assert reasons == ["collection_dropped"]
    rows = Rows().load(first).load(second)
    assert rows.alive("songs") == {}
    assert numbers(rows.alive("people")) == {"p": 1}
    third = mongo.tap(second.state)
    assert third.counts() == {}
    assert "songs" not in third.schemas
    mongo.database.songs.insert_one({"_id": "a", "n": 3})
    fourth = mongo.tap(third.state)
    assert numbers(rows.load(third).load(fourth).alive("songs")) == {"a": 3}


def test_a_collection_dropped_and_made_anew_has_only_its_new_documents(mongo: Tapped) -> None:
    mongo.database.songs.insert_many([{"_id": "a", "n": 1}, {"_id": "b", "n": 2}])
    mongo.database.people.insert_one({"_id": "p", "n": 1})
    first = mongo.tap()
    mongo.database.songs.drop()
    mongo.database.songs.insert_one({"_id": "b", "n": 3})
    rows = Rows().load(first).load(mongo.tap(first.state))
    assert numbers(rows.alive("songs")) == {"b": 3}
    assert rows.deleted("songs") == {"a"}


def test_a_drop_may_be_ignored_or_end_the_run(mongo: Tapped) -> None:
    mongo.database.songs.insert_one({"_id": "a", "n": 1})
    first = mongo.tap()
    mongo.database.songs.drop()
    with pytest.raises(HistoryLostError, match=r"collection 'songs': drop.*on_collection_drop"):
        mongo.tap(first.state, on_collection_drop="fail")
    ignored = mongo.tap(first.state, on_collection_drop="ignore")
    assert numbers(Rows().load(first).load(ignored).alive("songs")) == {"a": 1}


def test_a_collection_renamed_onto_another_takes_its_place(mongo: Tapped) -> None:
    mongo.database.drafts.insert_many([{"_id": "a", "n": 1}, {"_id": "c", "n": 3}])
    mongo.database.songs.insert_many([{"_id": "a", "n": 10}, {"_id": "b", "n": 20}])
    first = mongo.tap()
    mongo.database.drafts.rename("songs", dropTarget=True)
    mongo.database.songs.insert_one({"_id": "d", "n": 4})
    rows = Rows().load(first).load(mongo.tap(first.state))
    assert rows.alive("drafts") == {}
    assert numbers(rows.alive("songs")) == {"a": 1, "c": 3, "d": 4}
    assert rows.deleted("songs") == {"b"}


def test_a_dropped_database_ends_the_stream_and_a_new_one_goes_on(mongo: Tapped) -> None:
    mongo.database.songs.insert_one({"_id": "a", "n": 1})
    mongo.database.people.insert_one({"_id": "p", "n": 1})
    first = mongo.tap()
    mongo.database.client.drop_database(mongo.database.name)
    mongo.database.songs.insert_one({"_id": "b", "n": 2})
    second = mongo.tap(first.state)
    rows = Rows().load(first).load(second)
    assert numbers(rows.alive("songs")) == {"b": 2}
    assert rows.alive("people") == {}
    mongo.database.songs.insert_one({"_id": "c", "n": 3})
    rows.load(mongo.tap(second.state))
    assert numbers(rows.alive("songs")) == {"b": 2, "c": 3}


def test_a_collection_made_later_is_read_by_itself(mongo: Tapped) -> None:
    mongo.database.songs.insert_one({"_id": "a", "n": 1})
    first = mongo.tap()
    mongo.database.people.insert_many([{"_id": "p", "n": 1}, {"_id": "q", "n": 2}])
    mongo.database.songs.insert_one({"_id": "b", "n": 2})
    second = mongo.tap(first.state)
    assert {record["_id"] for record in second.records("songs")} == {"b"}
    rows = Rows().load(first).load(second)
    assert numbers(rows.alive("people")) == {"p": 1, "q": 2}
    assert numbers(rows.alive("songs")) == {"a": 1, "b": 2}


def test_both_gives_rows_and_every_event(mongo: Tapped) -> None:
    songs = mongo.database.songs
    songs.insert_one({"_id": "a", "n": 1})
    first = mongo.tap(output_mode="both")
    songs.update_one({"_id": "a"}, {"$set": {"n": 2}})
    songs.update_one({"_id": "a"}, {"$set": {"n": 3}})
    songs.delete_one({"_id": "a"})
    second = mongo.tap(first.state, output_mode="both")
    events = second.records("songs__changes")
    assert [event["operation_type"] for event in events] == ["update", "update", "delete"]
    assert len({event["replication_key"] for event in events}) == 3
    assert Rows().load(first).load(second).deleted("songs") == {"a"}
    lsns = [event["_sdc_lsn"] for event in events]
    assert lsns == sorted(lsns)


def test_an_unselected_collection_is_not_read_and_read_anew_when_it_is_selected(
    mongo: Tapped,
) -> None:
    mongo.database.songs.insert_many([{"_id": "a", "n": 1}, {"_id": "b", "n": 2}])
    mongo.database.people.insert_one({"_id": "p", "n": 1})
    first = mongo.tap()
    mongo.database.songs.delete_one({"_id": "a"})
    mongo.database.people.insert_one({"_id": "q", "n": 2})
    # The last event before the state is one of a collection that is not read.
    second = mongo.tap(first.state, filter_collections=["PEOPLE"])
    mongo.database.songs.insert_one({"_id": "c", "n": 3})
    assert set(second.schemas) == {"people"}
    third = mongo.tap(second.state)
    rows = Rows().load(first).load(second).load(third)
    assert numbers(rows.alive("songs")) == {"b": 2, "c": 3}
    assert numbers(rows.alive("people")) == {"p": 1, "q": 2}


@pytest.mark.parametrize(
    ("before", "after"), [("database", "collection"), ("collection", "database")]
)
def test_the_scope_of_change_streams_can_be_changed(mongo: Tapped, before: str, after: str) -> None:
    for name in ("songs", "people"):
        mongo.database[name].insert_many([{"_id": "a", "n": 1}, {"_id": "b", "n": 2}])
    first = mongo.tap(capture_scope=before)
    mongo.database.songs.delete_one({"_id": "a"})
    mongo.database.people.insert_one({"_id": "c", "n": 3})
    second = mongo.tap(first.state, capture_scope=after)
    assert second.counts() == {"songs": 1, "people": 1}
    mongo.database.people.insert_one({"_id": "d", "n": 4})
    third = mongo.tap(second.state, capture_scope=after)
    assert third.counts() == {"people": 1}
    rows = Rows().load(first).load(second).load(third)
    assert numbers(rows.alive("songs")) == {"b": 2}
    assert set(rows.alive("people")) == {"a", "b", "c", "d"}


def test_a_dropped_collection_with_a_change_stream_of_its_own_goes_on(mongo: Tapped) -> None:
    mongo.database.songs.insert_one({"_id": "a", "n": 1})
    first = mongo.tap(capture_scope="collection")
    mongo.database.songs.drop()
    mongo.database.songs.insert_one({"_id": "b", "n": 2})
    second = mongo.tap(first.state, capture_scope="collection")
    mongo.database.songs.insert_one({"_id": "c", "n": 3})
    third = mongo.tap(second.state, capture_scope="collection")
    rows = Rows().load(first).load(second).load(third)
    assert numbers(rows.alive("songs")) == {"b": 2, "c": 3}


def test_pre_images_fill_a_deleted_row(mongod: Tapped) -> None:
    mongod.database.create_collection("songs", changeStreamPreAndPostImages={"enabled": True})
    mongod.database.songs.insert_one({"_id": "a", "n": 1})
    first = mongod.tap()
    mongod.database.songs.delete_one({"_id": "a"})
    (record,) = mongod.tap(
        first.state, delete_payload="pre_image", full_document_before_change="whenAvailable"
    ).records("songs")
    assert record["document"] == {"_id": "a", "n": 1}
