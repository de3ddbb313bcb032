"""A configuration of MeltanoLabs' tap-mongodb, with `output_mode: changelog` and nothing else."""

from __future__ import annotations

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


@pytest.mark.parametrize("name", ["stream_maps", "batch_config"])
def test_what_this_tap_does_not_do_is_said_and_not_left_out(mongod: Tapped, name: str) -> None:
    output = run_tap(TapMongoDB, {**mongod.config(), name: {"songs": {"text": None}}})
    assert isinstance(output.error, ConfigError)
    assert name in str(output.error)
