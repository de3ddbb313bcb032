from __future__ import annotations

import json
from math import isfinite
from typing import TYPE_CHECKING, Any

import bson
import pytest
from bson import json_util
from bson.codec_options import CodecOptions, DatetimeConversion
from hypothesis import given, settings

from fixtures.bson_documents import (
    INVALID_TEXT,
    MALFORMED,
    TYPES,
    Case,
    Wrong,
    documents,
    nested,
    policy,
)
from singer_kit.contract import json_path
from tap_mongodb.bson_bytes import BadValueError
from tap_mongodb.extended_json import CanonicalWriter, RelaxedWriter
from tap_mongodb.extended_json_reader import read
from tap_mongodb.plain_json import ForbiddenValueError, PlainJson, PlainWriter

if TYPE_CHECKING:
    from collections.abc import Callable

CANONICAL = CanonicalWriter().write
RELAXED = RelaxedWriter().write
WRITERS: list[Callable[[bytes], bytes]] = [CANONICAL, RELAXED, PlainJson(policy()).write]

each_writer = pytest.mark.parametrize("write", WRITERS, ids=["canonical", "relaxed", "plain"])
each_type = pytest.mark.parametrize("case", TYPES, ids=[case.name for case in TYPES])
# bson's own library has no types for these, or takes them for something else.
_OWN_FORM = ("repeated", "document: called", "code", "pointer", "symbol", "undefined")
_COMPARED = [case for case in TYPES if not case.name.startswith(_OWN_FORM)]


@each_type
def test_canonical_text_gives_the_same_bytes_back(case: Case) -> None:
    assert CANONICAL(case.raw) == case.canonical
    assert read(case.canonical) == case.raw


@each_type
def test_relaxed_and_plain_text_are_as_written(case: Case) -> None:
    assert RELAXED(case.raw) == case.relaxed
    assert PlainJson(policy()).write(case.raw) == case.plain
    assert PlainJson(policy("string")).write(case.raw) == case.plain_string


@each_type
def test_the_walk_and_the_fast_way_write_the_same(case: Case) -> None:
    assert PlainWriter(policy()).write(case.raw) == case.plain
    assert PlainWriter(policy("string")).write(case.raw) == case.plain_string


@each_type
def test_a_value_with_no_place_in_json_is_counted_once_and_can_end_the_run(case: Case) -> None:
    chosen = policy()
    PlainJson(chosen).write(case.raw)
    is_odd = case.plain != case.plain_string
    assert sum(chosen.counts.values()) == is_odd
    if is_odd:
        with pytest.raises(ForbiddenValueError) as caught:
            PlainJson(policy("fail")).write(case.raw)
        assert caught.value.path == ["v"]


@pytest.mark.parametrize("case", _COMPARED, ids=[case.name for case in _COMPARED])
def test_canonical_text_says_what_bsons_own_library_says(case: Case) -> None:
    options: CodecOptions[dict[str, Any]] = CodecOptions(
        datetime_conversion=DatetimeConversion.DATETIME_MS
    )
    decoded = bson.decode(case.raw, options)
    theirs = json_util.dumps(decoded, json_options=json_util.CANONICAL_JSON_OPTIONS)
    assert json.loads(case.canonical) == json.loads(theirs)


@pytest.mark.parametrize("case", MALFORMED, ids=[case.name for case in MALFORMED])
def test_bytes_that_are_no_bson_are_refused_with_their_place(case: Wrong) -> None:
    for write in WRITERS:
        with pytest.raises(BadValueError) as caught:
            write(case.raw)
        assert caught.value.code == "bson_malformed"
        assert json_path(tuple(reversed(caught.value.path))) == case.path


@pytest.mark.parametrize("case", INVALID_TEXT, ids=[case.name for case in INVALID_TEXT])
def test_text_that_is_no_utf8_is_refused_where_bytes_must_come_back_else_replaced(
    case: Wrong,
) -> None:
    with pytest.raises(BadValueError) as caught:
        CANONICAL(case.raw)
    assert caught.value.code == "utf8_invalid"
    assert json_path(tuple(reversed(caught.value.path))) == case.path
    chosen = policy()
    assert PlainJson(chosen).write(case.raw) == case.plain
    assert RelaxedWriter(chosen.counts).write(case.raw) == case.plain
    assert chosen.counts == {"invalid_text": 2}


@each_writer
def test_a_hundred_documents_in_one_another_are_written(write: Callable[[bytes], bytes]) -> None:
    text = write(nested(100))
    assert text.count(b'{"d":') == 100
    if write is CANONICAL:
        assert read(text) == nested(100)


@each_writer
def test_a_document_nested_without_end_is_a_fault_and_no_crash(
    write: Callable[[bytes], bytes],
) -> None:
    with pytest.raises(BadValueError) as caught:
        write(nested(5_000))
    assert caught.value.code == "too_deep"


@each_writer
def test_a_document_of_16_mb_is_written_whole(write: Callable[[bytes], bytes]) -> None:
    text = "x" * (16 * 1024 * 1024 - 64)
    raw = bson.encode({"_id": 1, "text": text, "end": None})
    written = write(raw)
    assert json.loads(written)["text"] == text
    if write is CANONICAL:
        assert read(written) == raw


def test_dates_are_clamped_or_written_as_milliseconds_when_asked() -> None:
    year_10000 = next(case for case in TYPES if case.name == "date: first of year 10000")
    first = next(case for case in TYPES if case.name == "date: earliest")
    usual = next(case for case in TYPES if case.name == "date: epoch")
    clamped = PlainJson(policy(datetime_conversion="datetime_clamp")).write
    assert clamped(year_10000.raw) == b'{"v":"9999-12-31T23:59:59.999000Z"}'
    assert clamped(first.raw) == b'{"v":"0001-01-01T00:00:00Z"}'
    assert clamped(usual.raw) == b'{"v":"1970-01-01T00:00:00Z"}'
    as_numbers = PlainJson(policy(datetime_conversion="datetime_ms")).write
    assert as_numbers(year_10000.raw) == b'{"v":253402300800000}'
    assert as_numbers(usual.raw) == b'{"v":0}'


@settings(max_examples=150, deadline=None)
@given(raw=documents)
def test_any_document_comes_back_from_canonical_text_as_the_same_bytes(raw: bytes) -> None:
    assert read(CANONICAL(raw)) == raw


@settings(max_examples=150, deadline=None)
@given(raw=documents)
def test_any_document_is_the_same_valid_json_by_both_ways(raw: bytes) -> None:
    for instead in ("null", "string"):
        text = PlainJson(policy(instead)).write(raw)
        assert text == PlainWriter(policy(instead)).write(raw)
        assert text == PlainJson(policy(instead)).write(raw)
        for number in _numbers(json.loads(text, parse_constant=_refuse)):
            assert isfinite(number)


@settings(max_examples=80, deadline=None)
@given(raw=documents)
def test_a_changed_byte_never_does_worse_than_a_fault(raw: bytes) -> None:
    for at in range(0, len(raw), max(1, len(raw) // 16)):
        broken = raw[:at] + bytes([raw[at] ^ 0x55]) + raw[at + 1 :]
        for write in WRITERS:
            try:
                text = write(broken)
            except BadValueError:
                continue
            json.loads(text)


def _numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for each in value.values() for number in _numbers(each)]
    if isinstance(value, list):
        return [number for each in value for number in _numbers(each)]
    return [value] if isinstance(value, float) else []


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")
