"""What a value is when it comes out again."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Warehouse, record, schema

if TYPE_CHECKING:
    from fixtures.fix_postgres import Database

TEXT = {"type": ["string", "null"]}
ID = {"type": "integer"}
NASTY = [
    "",
    " ",
    "null",
    "NULL",
    "\\N",
    "\\.",
    "\\",
    '"',
    '""',
    "'",
    "a\tb",
    "line\nbreak\r\nand more\r",
    'quote " in \\" text',
    "\\n is not a line break, \\u0041 is not A",
    "\b\f\v\x01\x1e\x1f\x7f",
    "😀 雲 ритм döner e\u0301",
    "\u2028\u2029\ufeff",
    "{}",
    "true",
    "ends in a backslash\\",
    "tab at the end\t",
    ",\t,null,\t",
]


def values(warehouse: Warehouse, given_schema: dict[str, Any], *tokens: str) -> list[Any]:
    """Load JSON tokens as column ``v`` and return what the database holds."""
    result = warehouse.load(
        schema("t", {"id": ID, "v": given_schema}),
        *(
            f'{{"type": "RECORD", "stream": "t", "record": {{"id": {n}, "v": {token}}}}}'
            for n, token in enumerate(tokens)
        ),
    )
    assert result.error is None
    return [row["v"] for row in warehouse.rows("t", "id, v")]


@pytest.mark.parametrize("ascii_only", [False, True])
def test_text_comes_out_byte_for_byte(warehouse: Warehouse, *, ascii_only: bool) -> None:
    tokens = [json.dumps(text, ensure_ascii=ascii_only) for text in NASTY]
    assert values(warehouse, TEXT, *tokens) == NASTY


def test_empty_text_and_null_differ(warehouse: Warehouse) -> None:
    assert values(warehouse, TEXT, '""', "null", '"null"') == ["", None, "null"]


def test_a_solidus_may_be_escaped(warehouse: Warehouse) -> None:
    assert values(warehouse, TEXT, r'"https:\/\/a\/b"') == ["https://a/b"]


def test_a_megabyte_of_text_goes_in(warehouse: Warehouse) -> None:
    text = "rap\n" * 300_000
    assert values(warehouse, TEXT, json.dumps(text), '"after"') == [text, "after"]


@pytest.mark.parametrize(
    ("given_schema", "sql_type", "token", "expected"),
    [
        ({"type": "string"}, "text", '"a"', "a"),
        (
            {"type": "string", "format": "uuid"},
            "uuid",
            '"6513270E-269e-4d37-b2a7-4de452e6b438"',
            uuid.UUID("6513270e-269e-4d37-b2a7-4de452e6b438"),
        ),
        ({"type": "string", "format": "date"}, "date", '"2024-02-29"', dt.date(2024, 2, 29)),
        (
            {"type": "string", "format": "date-time"},
            "timestamp with time zone",
            '"2024-05-01T23:30:00.123456-05:00"',
            dt.datetime(2024, 5, 2, 4, 30, 0, 123456, dt.UTC),
        ),
        ({"type": "string", "format": "uri"}, "text", '"https://a"', "https://a"),
        ({"type": "integer"}, "bigint", "9223372036854775807", 2**63 - 1),
        ({"type": "integer", "minimum": 0, "maximum": 9}, "integer", "9", 9),
        ({"type": "integer", "minimum": 0, "maximum": 2**40}, "bigint", "9", 9),
        (
            {"type": "integer", "minimum": 0, "maximum": 2**70},
            "numeric",
            str(2**69),
            Decimal(2**69),
        ),
        (
            {"type": "number"},
            "numeric",
            "0.10000000000000000001",
            Decimal("0.10000000000000000001"),
        ),
        ({"type": "boolean"}, "boolean", "true", True),
        ({"type": ["boolean", "null"]}, "boolean", "null", None),
        ({"type": "object"}, "jsonb", '{"a": [1, null]}', {"a": [1, None]}),
        ({"type": "array", "items": {"type": "string"}}, "jsonb", '["a\\"b"]', ['a"b']),
        ({}, "jsonb", '"only a string"', "only a string"),
        ({"type": ["string", "integer"]}, "jsonb", "1", 1),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "bigint", "null", None),
        (
            {"anyOf": [{"type": "string", "format": "date-time"}, {"type": ["string", "null"]}]},
            "text",
            '"soon"',
            "soon",
        ),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "numeric", "1.5", Decimal("1.5")),
        ({"$ref": "#/definitions/a"}, "jsonb", "[1]", [1]),
    ],
)
def test_a_schema_gives_a_typed_column(
    warehouse: Warehouse, given_schema: dict[str, Any], sql_type: str, token: str, expected: Any
) -> None:
    assert values(warehouse, given_schema, token) == [expected]
    assert warehouse.types("t")["v"] == sql_type


def test_a_time_does_not_shift_with_the_servers_zone(
    warehouse: Warehouse, database: Database
) -> None:
    name = database.settings["database"]
    warehouse.execute(f"alter database {name} set timezone to 'America/New_York'")
    moment = {"type": "string", "format": "date-time"}
    found = values(warehouse, moment, '"2024-07-01T12:00:00Z"', '"2024-07-01 12:00:00"')
    assert found == [dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)] * 2


def test_other_spellings_of_a_value_are_understood(warehouse: Warehouse) -> None:
    moment = {"type": "string", "format": "date-time"}
    assert values(warehouse, {"type": "integer"}, "1.0", "2e3") == [1, 2000]
    warehouse.execute("drop table raw.t")
    midnight = dt.datetime(2024, 7, 1, tzinfo=dt.UTC)
    assert values(warehouse, moment, '"2024-07-01"', '"2024-07-01T00:00Z"') == [midnight] * 2


def test_nan_and_infinity_go_into_numbers(warehouse: Warehouse) -> None:
    tokens = ("NaN", "Infinity", "-Infinity", "1e400", "1.5")
    assert [str(value) for value in values(warehouse, {"type": "number"}, *tokens)] == [
        "NaN",
        "Infinity",
        "-Infinity",
        str(Decimal(10**400)),
        "1.5",
    ]


def test_json_numbers_keep_their_digits(warehouse: Warehouse) -> None:
    values(warehouse, {"type": "object"}, '{"a":1.10,"b":12345678901234567890.5,"c":1E2}')
    text = warehouse.value("select v::text from raw.t")
    assert json.loads(text, parse_float=str, parse_int=str) == {
        "a": "1.10",
        "b": "12345678901234567890.5",
        "c": "100",
    }


def test_a_json_null_is_an_sql_null(warehouse: Warehouse) -> None:
    values(warehouse, {"type": ["object", "null"]}, "null", "{}")
    assert warehouse.value("select count(*) from raw.t where v is null") == 1


def test_json_keeps_its_escapes(warehouse: Warehouse) -> None:
    document = {"text": 'a "quoted"\n\ttab \\ back\\u0041slash', "ключ": ["雲", "null", ""]}
    tokens = [json.dumps(document), json.dumps(document, ensure_ascii=False), '"null"']
    assert values(warehouse, {}, *tokens) == [document, document, "null"]


def test_white_space_between_tokens_means_nothing(warehouse: Warehouse) -> None:
    tokens = ('{"a":\t[1 ,\r 2]\t}', '\t"x"\t')
    assert values(warehouse, {}, *tokens) == [{"a": [1, 2]}, "x"]


@pytest.mark.parametrize(
    ("mode", "expected"), [("replace", "a\ufffdb\\u0000c"), ("strip", "ab\\u0000c")]
)
def test_nul_is_cleaned_wherever_it_is(warehouse: Warehouse, mode: str, expected: str) -> None:
    token = r'"a\u0000b\\u0000c"'
    raw = token.replace(r"\u0000b", "\x00b")
    result = warehouse.load(
        schema("t", {"id": {"type": "string"}, "text": TEXT, "json": {}}),
        *(
            f'{{"type": "RECORD", "stream": "t", "record": '
            f'{{"id": {one}, "text": {one}, "json": [{{{one}: {one}}}]}}}}'
            for one in (token, raw)
        ),
        null_character=mode,
    )
    assert result.error is None
    assert warehouse.rows("t") == [
        {"id": expected, "text": expected, "json": [{expected: expected}]}
    ]


def test_nul_can_make_a_record_invalid(warehouse: Warehouse) -> None:
    warehouse.load(
        schema("t", {"id": ID, "v": TEXT}),
        r'{"type": "RECORD", "stream": "t", "record": {"id": 1, "v": "\u0000"}}',
        r'{"type": "RECORD", "stream": "t", "record": {"id": 2, "v": "\\u0000"}}',
        null_character="fail",
        on_invalid_record="quarantine",
    )
    assert warehouse.rows("t") == [{"id": 2, "v": r"\u0000"}]
    assert warehouse.value("select error_code from raw.t__rejected") == "null_character"


def test_halves_of_surrogate_pairs_are_replaced(warehouse: Warehouse) -> None:
    tokens = (r'"\ud800"', r'"\ude00\ud83d!"', r'"\ud83d\ude00"', r'"\\ud800"')
    expected = ["\ufffd", "\ufffd\ufffd!", "😀", r"\ud800"]
    assert values(warehouse, TEXT, *tokens) == expected
    warehouse.execute("drop table raw.t")
    assert values(warehouse, {}, *tokens) == expected


def test_metadata_says_when_and_in_which_version(warehouse: Warehouse) -> None:
    message = record("t", id=1) | {"time_extracted": "2024-05-01T12:00:00Z", "version": 7}
    before = dt.datetime.now(dt.UTC)
    warehouse.load(schema("t", {"id": ID}), message, record("t", id=2))
    one, two = warehouse.rows(
        "t",
        "id, _sdc_extracted_at as e, _sdc_received_at as r, _sdc_batched_at as b,"
        " _sdc_sequence as s, _sdc_table_version as v, _sdc_deleted_at as d",
    )
    assert one["e"] == dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
    assert (one["v"], two["v"], two["e"], one["d"]) == (7, None, None, None)
    assert before <= one["b"] <= one["r"] <= dt.datetime.now(dt.UTC)
    assert one["s"] == int(one["r"].timestamp() * 1000)


def test_metadata_can_be_left_out(warehouse: Warehouse) -> None:
    warehouse.load(
        schema("t", {"id": ID, "v": TEXT, "j": {}}),
        record("t", id=1, v="a", j=[1]),
        record("t", id=2),
        add_record_metadata=False,
    )
    assert set(warehouse.types("t")) == {"id", "v", "j"}
    assert warehouse.rows("t") == [{"id": 1, "v": "a", "j": [1]}, {"id": 2, "v": None, "j": None}]


json_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | json_text,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(json_text, inside, max_size=3),
    max_leaves=6,
)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(st.tuples(json_text, json_values, st.booleans()), min_size=1, max_size=5),
    indent=st.sampled_from([None, 1]),
)
def test_any_text_and_any_document_come_out_again(
    shared_warehouse: Warehouse,
    rows: list[tuple[str, Any, bool]],
    indent: int | None,
) -> None:
    warehouse = shared_warehouse
    messages = []
    for number, (text, document, ascii_only) in enumerate(rows):
        dumped = json.dumps(
            record("t", id=number, text=text, json=document), ensure_ascii=ascii_only, indent=indent
        )
        messages.append(dumped.replace("\n", "\t"))
    warehouse.load("", schema("t", {"id": ID, "text": TEXT, "json": {}}), *messages)
    found = [(row["text"], row["json"]) for row in warehouse.rows("t")[: len(rows)]]
    assert found == [(text, document) for text, document, _ in rows]
    warehouse.execute("truncate raw.t")


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"any": 1, "Key": 2}),
        ({"type": "object", "additionalProperties": False, "properties": {}}, {"any": 1}),
        ({"type": "number", "multipleOf": 0.01}, Decimal("12345678901234567890.12")),
        ({"type": "integer", "minimum": -(2**80), "maximum": 2**80}, Decimal(2**79 + 1)),
        (
            {
                "type": "array",
                "items": {"type": "object", "properties": {"a": {"type": ["array", "null"]}}},
            },
            [{"a": [{"b": [1, None, "\n"]}]}, {"a": None, "more": {}}, {}],
        ),
    ],
)
def test_shapes_that_taps_send_come_out_as_they_went_in(
    warehouse: Warehouse, wanted: dict[str, Any], value: object
) -> None:
    sent = str(value) if isinstance(value, Decimal) else json.dumps(value)
    line = f'{{"type":"RECORD","stream":"t","record":{{"id":1,"v":{sent}}}}}'
    result = warehouse.load(schema("t", {"id": ID, "v": wanted}), line)
    assert result.error is None
    assert warehouse.rows("t") == [{"id": 1, "v": value}]
