from __future__ import annotations

from itertools import combinations
from typing import Any

import bson
import pytest
from bson import Binary, Code, DatetimeMS, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.decimal128 import Decimal128
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.bson_documents import TYPES, UUID, values
from tap_mongodb.bson_bytes import BadValueError
from tap_mongodb.identity import (
    id_from_json,
    id_of,
    id_to_json,
    key_text_of,
)

HEX = "65f9d2a0c0ffee0123456789"
# Ids, and texts that other ids might be taken for.
NEIGHBOURS: list[Any] = [
    ObjectId(HEX),
    HEX,
    HEX.upper(),
    f'"{HEX}"',
    f'{{"$oid":"{HEX}"}}',
    {"$oid": HEX},
    {"a": {"$oid": HEX}},
    {"a": ObjectId(HEX)},
    Binary(bytes.fromhex(HEX)),
    None,
    "null",
    '"null"',
    True,
    False,
    "true",
    "false",
    "",
    '""',
    0,
    Int64(0),
    0.0,
    -0.0,
    "0",
    Decimal128("0"),
    Decimal128("0.0"),
    float("nan"),
    Decimal128("NaN"),
    '{"$numberInt":"0"}',
    {"$numberInt": "0"},
    {},
    "{}",
    "[]",
    [],
    {"a": 1, "b": 2},
    {"b": 2, "a": 1},
    {"a": Int64(1), "b": 2},
    "a\0b",
    '"a\\u0000b"',
    "a\\u0000b",
    Binary.from_uuid(UUID),
    Binary(UUID.bytes, 3),
    Binary(UUID.bytes),
    str(UUID),
    DatetimeMS(0),
    DatetimeMS(-(2**63)),
    Timestamp(0, 1),
    Timestamp(1, 0),
    Regex("a", "i"),
    Code("a"),
    Code("a", {}),
    {"$code": "a", "$scope": {}},
    MinKey(),
    MaxKey(),
    {"$minKey": 1},
]
# What MongoDB itself takes for one key, or text cannot tell: the payload of a NaN.
ids = values | st.sampled_from(NEIGHBOURS)


def _raw(value: Any) -> bytes:
    return bson.encode({"_id": value})


def key_text(value: Any) -> str:
    return key_text_of(_raw(value))


def test_an_object_id_and_a_usual_string_are_themselves() -> None:
    assert key_text(ObjectId(HEX)) == HEX
    assert key_text("mc-quorum") == "mc-quorum"
    assert key_text("é ナ") == "é ナ"


def test_what_could_be_taken_for_something_else_is_extended_json() -> None:
    assert key_text(HEX) == f'"{HEX}"'
    assert key_text("{}") == '"{}"'
    assert key_text(5) == '{"$numberInt":"5"}'
    assert key_text(None) == "null"
    assert key_text("null") == '"null"'
    assert key_text("a\0b") == r'"a\u0000b"'
    assert key_text({"$oid": HEX}) == rf'{{"\u0024oid":"{HEX}"}}'
    assert key_text(Binary.from_uuid(UUID)) == (
        '{"$binary":{"base64":"bx96UixbXQ6MYwuKSjudEQ==","subType":"04"}}'
    )


def test_ids_that_look_alike_have_different_texts() -> None:
    for one, other in combinations(NEIGHBOURS, 2):
        if _raw(one) != _raw(other):
            assert key_text(one) != key_text(other), (one, other)


@settings(max_examples=300, deadline=None)
@given(one=ids, other=ids)
def test_two_ids_have_one_text_only_if_they_are_the_same_bytes(one: Any, other: Any) -> None:
    assert (key_text(one) == key_text(other)) == (_raw(one) == _raw(other))


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"])), value=values)
def test_no_string_has_the_text_of_another_type(text: str, value: Any) -> None:
    # The hardest string there is for a value: its own text.
    for string in (text, key_text(value), id_to_json(_raw(value))):
        if not isinstance(value, str):
            assert key_text(string) != key_text(value)


@pytest.mark.parametrize("case", TYPES, ids=[case.name for case in TYPES])
def test_an_id_of_any_type_comes_back_as_its_bytes(case: Any) -> None:
    raw = case.raw.replace(b"v\0", b"_id\0", 1)
    raw = len(raw).to_bytes(4, "little") + raw[4:]
    if b"_id\0" not in raw:
        return
    assert id_of(raw) == raw
    assert id_from_json(id_to_json(raw)) == raw


@settings(max_examples=100, deadline=None)
@given(value=values, before=values)
def test_the_id_is_found_wherever_it_stands(value: Any, before: Any) -> None:
    raw = bson.encode({"a": before, "_id": value, "z": before})
    assert id_of(raw) == _raw(value)
    assert key_text_of(raw) == key_text_of(_raw(value))


def test_a_document_without_an_id_says_so() -> None:
    with pytest.raises(BadValueError, match="projection") as caught:
        key_text_of(bson.encode({"a": 1}))
    assert caught.value.code == "id_missing"


@pytest.mark.parametrize("raw", [b"", b"\x05\0\0\0", bson.encode({"_id": "abc"})[:12]])
def test_bytes_that_are_no_bson_have_no_id(raw: bytes) -> None:
    with pytest.raises(BadValueError):
        key_text_of(raw)
