"""A configuration of MeltanoLabs' tap-mongodb, with `output_mode: changelog` and nothing else."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from bson import ObjectId

from fixtures.singer import run_tap
from singer_kit.errors import ConfigError
from tap_mongodb import TapMongoDB

if TYPE_CHECKING:
    from fixtures.mongo_tapped import Tapped

THEIRS: dict[str, Any] = {
    "prefix": "App",
    "filter_collections": ["Songs"],
    "start_date": "2024-01-01",
    "add_record_metadata": True,
    "allow_modify_change_streams": False,
    "datetime_conversion": "datetime",
    "operation_types": ["create", "delete", "insert", "replace", "update"],
    "change_stream_pipeline": [],
    "document_layout": "object",
}
KEY = ObjectId("6b013ce23586d8224ce32bb1")


def test_their_configuration_gives_their_records_and_their_state(mongo: Tapped) -> None:
    songs = mongo.database.Songs
    songs.insert_one({"_id": ObjectId(), "n": 0})
    mongo.database.people.insert_one({"n": 0})
    # On DocumentDB a stream has no token before its first event.
    first = mongo.tap(**THEIRS, output_mode="changelog")
    assert first.counts() == {}
    songs.insert_one({"_id": KEY, "n": 1})
    songs.update_one({"_id": KEY}, {"$set": {"n": 2}})
    songs.delete_one({"_id": KEY})
    mongo.database.people.insert_one({"n": 1})
    second = mongo.tap(first.state, **THEIRS, output_mode="changelog")
    records = second.records("app_songs")
    assert [record["operation_type"] for record in records] == ["insert", "update", "delete"]
    assert {record["object_id"] for record in records} == {str(KEY)}
    assert records[0]["document"]["n"] == 1
    assert records[0]["namespace"] == {"database": mongo.database.name, "collection": "Songs"}
    assert second.schemas["app_songs"]["key_properties"] == ["replication_key"]
    mark = second.state["bookmarks"]["app_songs"]
    assert mark == {
        "replication_key": "replication_key",
        "replication_key_value": mark["replication_key_value"],
    }
    songs.insert_one({"_id": ObjectId(), "n": 3})
    third = mongo.tap(second.state, **THEIRS, output_mode="changelog")
    assert [record["operation_type"] for record in third.records("app_songs")] == ["insert"]


def test_the_flat_layout_takes_its_columns_from_the_catalog(mongod: Tapped) -> None:
    settings = {"output_mode": "changelog", "document_layout": "flat"}
    mongod.database.songs.insert_one({"_id": ObjectId(), "title": "a", "n": 0})
    tap = TapMongoDB(config=mongod.config(**settings))
    catalog: dict[str, Any] = tap.catalog_dict
    tap.source.close()
    (entry,) = catalog["streams"]
    entry["schema"]["properties"]["title"] = {"type": ["string", "null"]}
    state = mongod.tap(None, catalog, **settings).state
    mongod.database.songs.insert_one({"_id": KEY, "title": "b", "n": 1})
    (record,) = mongod.tap(state, catalog, **settings).records("songs")
    assert record["title"] == "b"
    assert "document" not in record


def of_method(method: str, mongo: Tapped) -> dict[str, Any]:
    """Return the catalog as Meltano makes it of `metadata: {"*": {replication-method: …}}`."""
    tap = TapMongoDB(config=mongo.config(**THEIRS, output_mode="changelog"))
    catalog: dict[str, Any] = tap.catalog_dict
    tap.source.close()
    for stream in catalog["streams"]:
        stream["replication_method"] = method
        stream["metadata"][-1]["metadata"]["replication-method"] = method
    return catalog


def test_their_incremental_streams_read_documents_by_the_time_in_their_ids(mongo: Tapped) -> None:
    songs = mongo.database.Songs
    old = ObjectId.from_datetime(dt.datetime(2023, 12, 31, tzinfo=dt.UTC))
    times = [dt.datetime(2024, 1, day, 3, tzinfo=dt.UTC) for day in range(1, 8)]
    ids = [ObjectId(str(ObjectId.from_datetime(time))[:23] + "7") for time in times]
    songs.insert_many([{"n": at, "_id": each} for at, each in enumerate([old, *ids[:5]])])
    songs.insert_one({"_id": True})
    catalog = of_method("INCREMENTAL", mongo)
    settings = {**THEIRS, "output_mode": "changelog", "state_interval_records": 2}
    first = mongo.tap(None, catalog, **settings)
    records = first.records("app_songs")
    assert [record["object_id"] for record in records] == [str(each) for each in ids[:5]]
    assert [record["document"]["n"] for record in records] == [1, 2, 3, 4, 5]
    assert records[0]["replication_key"] == f"2024-01-01T03:00:00+00:00|{ids[0]}"
    assert records[0]["operation_type"] is None
    assert first.schemas["app_songs"]["key_properties"] == ["object_id"]
    mark = {
        "replication_key": "replication_key",
        "replication_key_value": f"2024-01-05T03:00:00+00:00|{ids[4]}",
    }
    assert first.state["bookmarks"]["app_songs"] == mark
    songs.insert_many([{"_id": each} for each in ids[5:]])
    # Any state on the way is one to go on from, and so is a time alone.
    found = [
        [
            record["object_id"]
            for record in mongo.tap(state, catalog, **settings).records("app_songs")
        ]
        for state in (
            first.state,
            first.states[1],
            {"bookmarks": {"app_songs": {**mark, "replication_key_value": "2024-01-07"}}},
        )
    ]
    assert found[0] == [str(each) for each in ids[5:]]
    assert found[1] == [str(each) for each in ids[2:]]
    assert found[2] == [str(ids[6])]


def test_a_bookmark_of_the_other_method_is_refused(mongod: Tapped) -> None:
    mongod.database.Songs.insert_one({"n": 1})
    state = mongod.tap(**THEIRS, output_mode="changelog").state
    config = mongod.config(**THEIRS, output_mode="changelog")
    output = run_tap(TapMongoDB, config, state, of_method("INCREMENTAL", mongod))
    assert isinstance(output.error, ConfigError)
    assert "app_songs" in str(output.error)


@pytest.mark.parametrize("name", ["stream_maps", "batch_config"])
def test_what_this_tap_does_not_do_is_said_and_not_left_out(mongod: Tapped, name: str) -> None:
    output = run_tap(TapMongoDB, {**mongod.config(), name: {"songs": {"text": None}}})
    assert isinstance(output.error, ConfigError)
    assert name in str(output.error)
