from __future__ import annotations

import base64
import json
from typing import Any

import bson
import pytest
from bson import DatetimeMS
from hypothesis import given, settings

from fixtures.bson_documents import OBJECT_ID, documents, with_id
from singer_kit.errors import ConfigError, ContractExceededError
from tap_mongodb.documents import DocumentEncoder, RejectedError
from tap_mongodb.settings import Settings


def encoder(**said: Any) -> DocumentEncoder:
    return DocumentEncoder(
        Settings(database="rap", mongodb_connection_string="mongodb://nowhere", **said), "songs"
    )


def record(members: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(b"{%b}" % members)
    return found


def test_a_raw_record_is_the_key_and_the_document() -> None:
    raw = bson.encode({"_id": OBJECT_ID, "title": "Sag's zweimal", "plays": 2**53 + 1})
    assert encoder().encode(raw) == (
        b'"_id":"65f9d2a0c0ffee0123456789","document":{"_id":"65f9d2a0c0ffee0123456789",'
        b'"title":"Sag\'s zweimal","plays":9007199254740993}'
    )


def test_a_key_that_stands_last_is_still_the_key() -> None:
    raw = bson.encode({"title": "x", "_id": OBJECT_ID})
    assert record(encoder().encode(raw))["_id"] == str(OBJECT_ID)


def test_the_key_alone_and_the_nulls_make_the_record_of_a_delete() -> None:
    made = encoder()
    assert made.encode_key(bson.encode({"_id": 5})) == rb'"_id":"{\"$numberInt\":\"5\"}"'
    assert made.encode_nulls() == b'"document":null'


def test_a_raw_schema_takes_the_key_alone() -> None:
    assert encoder().schema == {
        "type": "object",
        "properties": {"_id": {"type": "string"}, "document": {"type": ["object", "null"]}},
        "required": ["_id"],
    }


@pytest.mark.parametrize(
    ("mode", "written"),
    [
        ("plain", {"at": "2026-03-19T18:00:00Z", "n": 5}),
        ("relaxed_extjson", {"at": {"$date": "2026-03-19T18:00:00Z"}, "n": 5}),
        (
            "canonical_extjson",
            {"at": {"$date": {"$numberLong": "1773943200000"}}, "n": {"$numberInt": "5"}},
        ),
    ],
)
def test_bson_mode_says_how_the_document_is_written(mode: str, written: dict[str, Any]) -> None:
    raw = bson.encode({"_id": "k", "at": DatetimeMS(1773943200000), "n": 5})
    found = record(encoder(bson_mode=mode).encode(raw))
    assert found == {"_id": "k", "document": {"_id": "k", **written}}


def test_extended_json_has_no_columns() -> None:
    with pytest.raises(ConfigError, match=r"bson_mode.*schema_strategy raw"):
        encoder(bson_mode="canonical_extjson", schema_strategy="infer")


def test_odd_values_are_counted_and_do_not_stop_a_document() -> None:
    made = encoder(nonfinite_numbers="string")
    raw = bson.encode({"_id": 1, "a": [float("nan"), float("-inf")], "at": DatetimeMS(2**62)})
    document = record(made.encode(raw))["document"]
    assert document == {"_id": 1, "a": ["NaN", "-Infinity"], "at": None}
    assert made.counts == {"nonfinite_numbers": 2, "out_of_range_dates": 1}


def test_a_forbidden_value_ends_the_run_and_the_line_says_where() -> None:
    made = encoder(out_of_range_dates="fail")
    raw = bson.encode({"_id": OBJECT_ID, "credits": [{}, {"since": DatetimeMS(2**62)}]})
    with pytest.raises(ContractExceededError) as caught:
        made.encode(raw)
    said = str(caught.value)
    assert "'songs'" in said
    assert str(OBJECT_ID) in said
    assert "$.credits[1].since" in said
    assert "\n" not in said


def test_text_that_is_no_utf8_is_replaced_and_counted_but_never_in_a_key() -> None:
    made = encoder()
    raw = bson.encode({"_id": 1, "title": "cafe"}).replace(b"cafe", b"caf\xe9")
    assert record(made.encode(raw))["document"]["title"] == "caf\ufffd"
    assert made.counts == {"invalid_text": 1}
    key = bson.encode({"_id": "cafe", "title": "x"}).replace(b"cafe", b"caf\xe9")
    for refuse in (made.encode, made.encode_key):
        with pytest.raises(RejectedError) as caught:
            refuse(key)
        (fault,) = caught.value.faults
        assert (fault.path, fault.code) == ("$._id", "utf8_invalid")
        assert caught.value.payload == {"_id": "caf\ufffd", "title": "x"}


def test_canonical_text_that_could_not_come_back_is_rejected_with_a_readable_payload() -> None:
    raw = bson.encode({"_id": 1, "title": "cafe"}).replace(b"cafe", b"caf\xe9")
    with pytest.raises(RejectedError) as caught:
        encoder(bson_mode="canonical_extjson").encode(raw)
    (fault,) = caught.value.faults
    assert (fault.path, fault.code) == ("$.title", "utf8_invalid")
    assert caught.value.payload == {"_id": 1, "title": "caf\ufffd"}
    assert caught.value.record is None


def test_what_is_no_bson_is_rejected_with_its_bytes() -> None:
    raw = bson.encode({"_id": OBJECT_ID, "title": "x"})[:-3]
    with pytest.raises(RejectedError) as caught:
        encoder().encode(raw)
    assert caught.value.faults[0].code == "bson_malformed"
    assert caught.value.payload == {"raw": base64.b64encode(raw).decode()}


def test_a_document_without_a_key_is_rejected() -> None:
    with pytest.raises(RejectedError, match="projection"):
        encoder().encode(bson.encode({"title": "x"}))


@settings(max_examples=100, deadline=None)
@given(raw=documents)
def test_any_document_gives_one_record_and_twice_the_same(raw: bytes) -> None:
    raw = with_id(raw)
    members = encoder().encode(raw)
    assert members == encoder().encode(raw)
    found = record(members)
    assert found.keys() == {"_id", "document"}
    assert found["_id"] == str(OBJECT_ID)
    assert isinstance(found["document"], dict)
