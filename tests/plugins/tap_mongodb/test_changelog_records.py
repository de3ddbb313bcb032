from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import bson
import jsonschema  # type: ignore[import-untyped] # no stubs in the lock
import pytest
from bson import Binary, DatetimeMS, Int64, MinKey, ObjectId, Timestamp
from bson.decimal128 import Decimal128
from hypothesis import given, settings

from fixtures.bson_documents import OBJECT_ID, UUID, documents, with_id
from singer_kit.errors import ConfigError, ContractExceededError
from tap_mongodb.changelog import ChangelogEncoder
from tap_mongodb.settings import Settings

SONG = {
    "_id": OBJECT_ID,
    "title": "Sag's zweimal",
    "plays": Int64(2**53 + 1),
    "score": 1.5,
    "price": Decimal128("1.50"),
    "at": datetime(2026, 3, 19, 18, 0, 0, 123000, UTC),
    "day": datetime(2026, 3, 19, tzinfo=UTC),
    "credits": [{"artist": ObjectId("0" * 24), "role": None}],
    "odd": float("nan"),
}
EVENT = {
    "_id": {"_data": "8265F9D2A0"},
    "operationType": "insert",
    "clusterTime": Timestamp(1773943200, 4),
    "ns": {"db": "rap", "coll": "songs"},
    "documentKey": {"_id": OBJECT_ID},
    "fullDocument": SONG,
}
# What meltanolabs-tap-mongodb 0.4.1 writes for EVENT.
THEIRS = {
    "replication_key": "8265F9D2A0",
    "object_id": "65f9d2a0c0ffee0123456789",
    "document": {
        "_id": "65f9d2a0c0ffee0123456789",
        "title": "Sag's zweimal",
        "plays": 2**53 + 1,
        "score": 1.5,
        "price": "1.50",
        "at": "2026-03-19T18:00:00.123000",
        "day": "2026-03-19T00:00:00",
        "credits": [{"artist": "0" * 24, "role": None}],
        "odd": None,
    },
    "operation_type": "insert",
    "cluster_time": "2026-03-19T18:00:00+00:00",
    "namespace": {"database": "rap", "collection": "songs"},
}
OURS = {"to": None, "update_description": None}


def encoder(declared: dict[str, Any] | None = None, **said: Any) -> ChangelogEncoder:
    config = {"database": "rap", "mongodb_connection_string": "mongodb://nowhere", **said}
    return ChangelogEncoder(Settings.of(config), "songs", declared)


def held(made: ChangelogEncoder, members: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(b"{%b}" % members)
    jsonschema.validate(found, made.schema)
    assert found.keys() <= made.schema["properties"].keys()
    return found


def encode(event: dict[str, Any], **said: Any) -> dict[str, Any]:
    made = encoder(**said)
    return held(made, made.encode(bson.encode(event)))


def test_an_event_has_their_fields_and_two_of_ours() -> None:
    assert encode(EVENT) == {**THEIRS, **OURS}
    assert encoder().key_properties == ["replication_key"]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (5, "5"),
        ("k", "k"),
        (1.5, "1.5"),
        (True, "True"),
        (Decimal128("1.50"), "1.50"),
        ({"a": 1}, "{'a': 1}"),
    ],
)
def test_an_object_id_is_the_key_as_python_says_it(key: Any, text: str) -> None:
    assert encode({**EVENT, "fullDocument": {"_id": key}})["object_id"] == text


def test_a_delete_has_its_key_for_a_document() -> None:
    event = {name: value for name, value in EVENT.items() if name != "fullDocument"}
    found = encode({**event, "operationType": "delete"})
    assert found["document"] == {"_id": str(OBJECT_ID)}
    assert found["object_id"] == str(OBJECT_ID)


def test_a_look_up_that_found_nothing_keeps_the_key() -> None:
    found = encode({**EVENT, "operationType": "update", "fullDocument": None})
    assert found["document"] is None
    assert found["object_id"] == str(OBJECT_ID)


def test_an_update_and_a_rename_say_what_they_did() -> None:
    description = {"updatedFields": {"plays": 2}, "removedFields": ["mood"]}
    update = encode({**EVENT, "operationType": "update", "updateDescription": description})
    assert update["update_description"] == description
    rename = {name: EVENT[name] for name in ("_id", "clusterTime", "ns")}
    to = {"db": "rap", "coll": "raps"}
    found = encode({**rename, "operationType": "rename", "to": to})
    assert found["to"] == {"database": "rap", "collection": "raps"}
    assert (found["document"], found["object_id"]) == (None, None)


def test_an_event_of_a_whole_database_has_no_collection() -> None:
    found = encode({**EVENT, "operationType": "dropDatabase", "ns": {"db": "rap"}})
    assert found["namespace"] == {"database": "rap", "collection": None}


def test_metadata_is_there_when_asked_for_and_a_delete_has_its_time() -> None:
    before = datetime.now(UTC)
    found = encode({**EVENT, "operationType": "delete"}, add_record_metadata=True)
    assert found["_sdc_deleted_at"] == "2026-03-19T18:00:00+00:00"
    assert datetime.fromisoformat(found["_sdc_batched_at"]) >= before
    assert "_sdc_deleted_at" not in encode(EVENT, add_record_metadata=True)
    assert not any(name.startswith("_sdc_") for name in encode(EVENT))


def test_a_document_that_is_read_and_not_changed_has_its_time_and_id_for_a_key() -> None:
    made = encoder()
    found = held(made, made.encode_document(bson.encode(SONG), "rap", "songs"))
    assert found == {
        **THEIRS,
        **OURS,
        "replication_key": "2024-03-19T18:00:00+00:00|65f9d2a0c0ffee0123456789",
        "operation_type": None,
        "cluster_time": None,
    }
    with pytest.raises(ConfigError, match=r"'songs'.*type int.*upsert"):
        made.encode_document(bson.encode({"_id": 5}), "rap", "songs")


def test_a_quiet_stream_can_say_how_far_it_has_come() -> None:
    made = encoder()
    found = held(made, made.encode_token("8265F9D2A1"))
    assert found.pop("replication_key") == "8265F9D2A1"
    assert set(found.values()) == {None}
    assert {"object_id", "document", "operation_type", "cluster_time", "namespace"} <= found.keys()


def test_an_event_without_its_token_names_the_setting() -> None:
    event = {name: value for name, value in EVENT.items() if name != "_id"}
    with pytest.raises(ConfigError, match="change_stream_pipeline"):
        encode(event)


def test_a_forbidden_value_ends_the_run_and_the_line_says_where() -> None:
    event = {**EVENT, "fullDocument": {"_id": 7, "at": DatetimeMS(2**62)}}
    with pytest.raises(ContractExceededError, match=r"'songs', object_id 7: \$\.at "):
        encode(event, out_of_range_dates="fail")


def test_a_document_whose_bytes_could_not_come_back_holds_up_no_event() -> None:
    raw = bson.encode(EVENT).replace(b"zweimal", b"zweim\xe4l")
    made = encoder(bson_mode="canonical_extjson")
    found = held(made, made.encode(raw))
    assert (found["document"], found["object_id"]) == (None, str(OBJECT_ID))
    assert made.counts == {"invalid_text": 1}


@settings(max_examples=50, deadline=None)
@given(raw=documents.map(with_id))
def test_any_document_makes_an_event_with_valid_json(raw: bytes) -> None:
    made = encoder()
    event = {**EVENT, "fullDocument": bson.raw_bson.RawBSONDocument(raw)}
    assert held(made, made.encode(bson.encode(event)))["object_id"] == str(OBJECT_ID)


# Their setting document_layout can be `flat`.

FLAT = {
    "replication_key": {"type": "string"},
    "_sdc_batched_at": {"type": "string"},
    "_id": {"type": "string"},
    "title": {"type": ["string", "null"]},
    "plays": {"type": ["integer", "null"]},
    "score": {"type": ["number", "null"]},
    "at": {"type": ["string", "null"], "format": "date-time"},
    "by": {"type": ["string", "null"]},
    "price": {"type": ["string", "null"]},
    "least": {"type": ["string", "null"]},
    "credits": {"type": ["array", "null"]},
    "free": {},
}


def flat(document: dict[str, Any] | None) -> dict[str, Any]:
    made = encoder(FLAT, document_layout="flat")
    return held(made, made.encode(bson.encode({**EVENT, "fullDocument": document})))


def test_the_flat_layout_has_a_column_for_each_declared_field() -> None:
    found = flat({**SONG, "by": Binary.from_uuid(UUID), "least": MinKey(), "free": {"n": 5}})
    assert "document" not in found
    assert {name: found[name] for name in list(FLAT)[2:]} == {
        "_id": "65f9d2a0c0ffee0123456789",
        "title": "Sag's zweimal",
        "plays": 2**53 + 1,
        "score": 1.5,
        "at": "2026-03-19T18:00:00.123000",
        "by": str(UUID),
        "price": "1.50",
        "least": '{"$minKey":1}',
        "credits": THEIRS["document"]["credits"],  # type: ignore[index] # it is an object
        "free": {"n": 5},
    }
    assert "odd" not in found


def test_the_flat_layout_has_null_where_a_document_has_nothing() -> None:
    found = flat({"_id": OBJECT_ID, "title": None, "score": 5})
    assert (found["title"], found["plays"], found["score"]) == (None, None, 5)


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("plays", 1.5, "double"),
        ("plays", "5", "string"),
        ("title", 5, "int"),
        ("at", "x", "string"),
    ],
)
def test_a_value_of_another_type_than_declared_ends_the_run(
    field: str, value: Any, found: str
) -> None:
    with pytest.raises(ContractExceededError, match=rf"\$\.{field} found {found}; must be"):
        flat({"_id": OBJECT_ID, field: value})


def test_the_flat_layout_without_declared_fields_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigError, match=r"'songs'.*catalog"):
        encoder({"replication_key": {"type": "string"}}, document_layout="flat")
