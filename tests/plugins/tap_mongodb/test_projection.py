"""Fields that the catalog leaves out never leave the server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from singer_kit.errors import ConfigError
from tap_mongodb import TapMongoDB

if TYPE_CHECKING:
    from fixtures.mongo_tapped import Tapped

SECRET = "123-45"
LEFT_OUT = {"ssn": 0, "address.street": 0}


def catalog(mongo: Tapped, left_out: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """Return the catalog that discovery gives, with a projection for some streams."""
    tap = TapMongoDB(config=mongo.config(**settings))
    found = tap.catalog_dict
    tap.source.close()
    for stream in found["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"] and stream["tap_stream_id"] in left_out:
                entry["metadata"]["projection"] = left_out[stream["tap_stream_id"]]
    return found


def person(key: str, name: str) -> dict[str, Any]:
    return {"_id": key, "name": name, "ssn": SECRET, "address": {"street": SECRET, "town": "Graz"}}


@pytest.mark.parametrize("schema_strategy", ["raw", "infer"])
def test_neither_documents_nor_events_have_what_is_left_out(
    mongo: Tapped, schema_strategy: str
) -> None:
    people = mongo.database.people
    people.insert_many([person("a", "Ada"), person("b", "Bo")])
    settings: dict[str, Any] = {"output_mode": "both", "schema_strategy": schema_strategy}
    given = catalog(mongo, {"people": LEFT_OUT}, **settings)
    first = mongo.tap(catalog=given, **settings)
    people.update_one({"_id": "a"}, {"$set": {"name": "Ann", "ssn": SECRET + "6"}})
    people.update_one({"_id": "b"}, {"$set": {"address.street": SECRET + "7"}})
    people.insert_one(person("c", "Cy"))
    second = mongo.tap(first.state, given, **settings)
    assert first.counts()["people"] == 2
    assert second.counts() == {"people": 3, "people__changes": 3}
    for output in (first, second):
        assert SECRET not in json.dumps(output.messages)
    for record in second.records("people"):
        document = record.get("document", record)
        assert document["address"] == {"town": "Graz"}
        assert document["name"] in {"Ann", "Bo", "Cy"}
        assert "ssn" not in document


def test_streams_that_leave_out_different_fields_need_change_streams_of_their_own(
    mongo: Tapped,
) -> None:
    mongo.database.people.insert_one(person("a", "Ada"))
    mongo.database.songs.insert_one({"_id": "s", "ssn": "no secret"})
    given = catalog(mongo, {"people": json.dumps(LEFT_OUT)})
    with pytest.raises(ConfigError, match=r"'people'.*capture_scope to collection"):
        mongo.tap(catalog=given)
    first = mongo.tap(catalog=given, capture_scope="collection")
    mongo.database.people.insert_one(person("b", "Bo"))
    mongo.database.songs.insert_one({"_id": "t", "ssn": "no secret"})
    second = mongo.tap(first.state, given, capture_scope="collection")
    assert second.counts() == {"people": 1, "songs": 1}
    assert SECRET not in json.dumps([first.messages, second.messages])
    assert second.records("songs")[0]["document"]["ssn"] == "no secret"


@pytest.mark.parametrize("odd", [{"name": 1}, ["ssn"], {"_id": 0}, "ssn", '{"name": 1}'])
def test_a_projection_that_takes_fields_or_the_key_away_is_refused(mongo: Tapped, odd: Any) -> None:
    mongo.database.people.insert_one(person("a", "Ada"))
    with pytest.raises(ConfigError, match=r"'people'.*'projection'"):
        mongo.tap(catalog=catalog(mongo, {"people": odd}))
