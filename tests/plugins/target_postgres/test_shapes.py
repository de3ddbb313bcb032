"""The shapes of JSON Schema that taps really send, each loaded into a real table."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from target_postgres import shapes

from .conftest import Result, Warehouse, lines, record, schema

ID = {"type": "integer"}
TEXT = {"type": ["string", "null"]}
UUID = "00000000-0000-0000-0000-00000000000a"
Q = {"on_invalid_record": "quarantine"}


def load(warehouse: Warehouse, wanted: Any, *tokens: str, **more: Any) -> Result:
    """Load JSON texts into column ``v``; ``more`` are keywords of the stream's schema."""
    shape = schema("t", {"id": ID, "v": wanted})
    shape["schema"] |= more
    return warehouse.load(
        shape,
        *(
            f'{{"type":"RECORD","stream":"t","record":{{"id":{number},"v":{token}}}}}'
            for number, token in enumerate(tokens)
        ),
        **Q,
    )


DEFS: dict[str, Any] = {
    "uuid": {"type": "string", "format": "uuid"},
    "maybe": {"anyOf": [{"$ref": "#/$defs/uuid"}, {"type": "null"}]},
    "a/b~c": {"type": "integer", "minimum": 0, "maximum": 9},
    "node": {"type": "object", "properties": {"v": ID, "next": {"$ref": "#/$defs/node"}}},
    "loop": {"$ref": "#/$defs/loop"},
    "list": {"type": "array", "items": {"$ref": "#/$defs/a~1b~0c"}},
}


SHAPES: list[tuple[Any, str]] = [
    ({"$ref": "#/$defs/uuid"}, "uuid"),
    ({"$ref": "#/$defs/maybe"}, "uuid"),
    ({"$ref": "#/$defs/a~1b~0c"}, "integer"),
    ({"$ref": "#/$defs/a%2Fb~0c"}, "jsonb"),
    ({"$ref": "#/properties/id"}, "bigint"),
    ({"$ref": "#/$defs/loop"}, "jsonb"),
    ({"$ref": "#/$defs/none"}, "jsonb"),
    ({"$ref": "https://example.com/schema.json"}, "jsonb"),
    ({"$ref": 5}, "jsonb"),
    ({"$ref": "#/$defs/node"}, "jsonb"),
    ({"allOf": [{"$ref": "#/$defs/uuid"}, {"description": "a key"}]}, "uuid"),
    ({"allOf": [{"type": ["integer", "null"]}, {"type": "number", "maximum": 9}]}, "bigint"),
    ({"allOf": [{"type": "integer", "minimum": 0}, {"maximum": 9}]}, "integer"),
    ({"oneOf": [{"const": 1}, {"const": 2}, {"const": None}]}, "bigint"),
    ({"anyOf": [{"type": "array"}, {"type": "null"}]}, "jsonb"),
    ({"anyOf": [{"type": "string"}, {"type": "string", "format": "date"}]}, "text"),
    ({"anyOf": [{"type": "integer"}, {"anyOf": [{"type": "number"}]}]}, "numeric"),
    ({"const": "x"}, "text"),
    ({"const": None}, "jsonb"),
    ({"enum": ["a", "b", None]}, "text"),
    ({"enum": [True, False]}, "boolean"),
    ({"enum": [1, 2.5]}, "numeric"),
    ({"enum": ["a", 1]}, "jsonb"),
    ({"enum": []}, "jsonb"),
    ({"type": "string", "enum": ["a"]}, "text"),
    ({"type": []}, "jsonb"),
    ({"type": "null"}, "jsonb"),
    ({"type": ["integer", "number", "null"]}, "numeric"),
    ({"type": ["string", "integer"]}, "jsonb"),
    ({"type": ["object", "string"]}, "jsonb"),
    ({"type": "number", "multipleOf": 0.01}, "numeric"),
    ({"type": "object", "additionalProperties": {"type": "integer"}}, "jsonb"),
    ({"properties": {"a": ID}}, "jsonb"),
    ({"format": "date-time"}, "jsonb"),
    ({"type": "string", "format": "unheard-of"}, "text"),
    ({"type": "string", "contentEncoding": "base64"}, "bytea"),
    ({"type": "string", "contentEncoding": "quoted-printable"}, "text"),
    (
        {"anyOf": [{"type": "string", "contentEncoding": "base16"}, {"type": "string"}]},
        "text",
    ),
    (True, "jsonb"),
    (None, "jsonb"),
]


def test_every_shape_gives_a_column_of_its_type(warehouse: Warehouse) -> None:
    shape = schema("t", {"id": ID} | {f"v{n}": wanted for n, (wanted, _) in enumerate(SHAPES)})
    shape["schema"]["$defs"] = DEFS
    assert warehouse.load(shape).error is None
    found = warehouse.types("t")
    assert [(wanted, found[f"v{n}"]) for n, (wanted, _) in enumerate(SHAPES)] == SHAPES


def test_a_reference_also_holds_inside_documents(warehouse: Warehouse) -> None:
    result = load(warehouse, {"$ref": "#/$defs/list"}, "[1, 2]", '["one"]', **{"$defs": DEFS})
    assert result.error is None
    assert warehouse.rows("t") == [{"id": 0, "v": [1, 2]}]
    (fault,) = warehouse.rows("t__rejected", "error_path, error_code")
    assert fault == {"error_path": "$.v[0]", "error_code": "type"}


def test_a_schema_that_refers_to_itself_takes_any_depth(warehouse: Warehouse) -> None:
    deep = '{"v": 1, "next": {"v": 2, "next": {"v": "any", "next": null}}}'
    result = load(warehouse, {"$ref": "#/$defs/node"}, deep, '{"v": "x"}', **{"$defs": DEFS})
    assert result.error is None
    assert warehouse.rows("t") == [{"id": 0, "v": json.loads(deep)}]


def test_definitions_of_older_drafts_are_found(warehouse: Warehouse) -> None:
    wanted = {"$ref": "#/definitions/when"}
    when = {"type": ["string", "null"], "format": "date"}
    load(warehouse, wanted, '"2024-05-01"', "null", definitions={"when": when})
    assert warehouse.rows("t", "v::text") == [{"v": "2024-05-01"}, {"v": None}]


def test_enum_values_are_the_contracts_business_and_types_are_ours(warehouse: Warehouse) -> None:
    load(warehouse, {"enum": ["a", "b", None]}, '"a"', '"new"', "null", "1")
    assert warehouse.rows("t", "v", "id") == [{"v": "a"}, {"v": "new"}, {"v": None}]
    assert warehouse.value("select error_code from raw.t__rejected") == "type"


def test_integers_beyond_64_bits_go_where_their_bounds_say_so(warehouse: Warehouse) -> None:
    wide = {"type": "integer", "minimum": -(2**80), "maximum": 2**80}
    load(warehouse, wide, str(2**79 + 1), str(-(2**79)))
    assert [one["v"] for one in warehouse.rows("t")] == [2**79 + 1, -(2**79)]


def test_integers_beyond_64_bits_without_bounds_are_kept_in_quarantine(
    warehouse: Warehouse,
) -> None:
    load(warehouse, ID, str(2**63 - 1), str(2**63))
    assert warehouse.rows("t") == [{"id": 0, "v": 2**63 - 1}]
    assert warehouse.value("select payload ->> 'v' from raw.t__rejected") == str(2**63)
    assert warehouse.value("select error_code from raw.t__rejected") == "range"


def test_decimals_keep_their_digits_and_their_scale(warehouse: Warehouse) -> None:
    tokens = ["1.10", "12345678901234567890.12", "-0.00", "1e-20", "0.1"]
    load(warehouse, {"type": "number", "multipleOf": 0.01}, *tokens)
    found = [one["v"] for one in warehouse.rows("t", "v::text", "id")]
    assert found == ["1.10", "12345678901234567890.12", "0.00", "0.00000000000000000001", "0.1"]


numbers = st.one_of(
    st.integers(-(10**40), 10**40).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=7).map(lambda one: f"{one:f}"),
    st.tuples(st.integers(1, 9), st.integers(300, 500)).map(lambda one: f"{one[0]}e{one[1]}"),
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tokens=st.lists(numbers, min_size=1, max_size=6), typed=st.booleans())
def test_a_number_in_jsonb_is_the_number_that_was_sent(
    shared_warehouse: Warehouse, tokens: list[str], typed: bool
) -> None:
    warehouse = shared_warehouse
    items = {"type": "array", "items": {"type": "number"}} if typed else {}
    assert load(warehouse, items, "[" + ",".join(tokens) + "]").error is None
    text = warehouse.value("select v::text from raw.t")
    found = [Decimal(one) for one in text.strip("[]").split(", ")]
    sent = [Decimal(one) for one in tokens]
    assert found == sent
    for one, other in zip(found, sent, strict=True):
        assert -int(one.as_tuple().exponent) == max(-int(other.as_tuple().exponent), 0)
    warehouse.execute("drop table raw.t")


def test_nan_and_infinity_inside_documents_become_text(warehouse: Warehouse) -> None:
    load(warehouse, {"type": "array"}, '[NaN, -Infinity, "NaN", Infinity, 1]')
    assert warehouse.rows("t") == [{"id": 0, "v": ["NaN", "-Infinity", "NaN", "Infinity", 1]}]


@pytest.mark.parametrize("kind", ["date", "date-time"])
def test_days_beyond_the_years_1_to_9999_are_kept(warehouse: Warehouse, kind: str) -> None:
    time = "T00:00:00Z" if kind == "date-time" else ""
    days = {
        "0001-01-01": "0001-01-01",
        "9999-12-31": "9999-12-31",
        "0000-01-01": "0001-01-01 BC",
        "-0044-03-15": "0045-03-15 BC",
        "-0004-02-29": "0005-02-29 BC",
        "10000-01-01": "10000-01-01",
        "+12024-02-29": "12024-02-29",
    }
    wanted = {"type": "string", "format": kind}
    assert load(warehouse, wanted, *(f'"{day}{time}"' for day in days)).error is None
    assert [one["d"] for one in warehouse.rows("t", "v::date::text as d", "id")] == [*days.values()]


def test_a_far_moment_keeps_its_time_and_offset(warehouse: Warehouse) -> None:
    moments = ['"-0044-03-15T12:30:00.5+02:00"', '"12024-05-01 23:00"', '"-0044-03-15"']
    load(warehouse, {"type": "string", "format": "date-time"}, *moments)
    assert [one["d"] for one in warehouse.rows("t", "v::text as d", "id")] == [
        "0045-03-15 10:30:00.5+00 BC",
        "12024-05-01 23:00:00+00",
        "0045-03-15 00:00:00+00 BC",
    ]


@pytest.mark.parametrize("kind", ["date", "date-time"])
def test_days_that_no_calendar_has_are_rejected(warehouse: Warehouse, kind: str) -> None:
    time = "T00:00:00Z" if kind == "date-time" else ""
    days = ["2023-02-29", "-0001-02-29", "10001-13-01", "+9999999-01-01", "0000-00-00", "soon"]
    wanted = {"type": "string", "format": kind}
    assert (
        load(warehouse, wanted, f'"2024-05-01{time}"', *(f'"{d}{time}"' for d in days)).error
        is None
    )
    assert warehouse.value("select array_agg(id) from raw.t") == [0]
    rejected = warehouse.rows("t__rejected", "error_path, error_code, payload", "payload ->> 'id'")
    assert {one["error_path"] for one in rejected} == {"$.v"}
    assert [one["payload"]["id"] for one in rejected] == [1, 2, 3, 4, 5, 6]
    codes = [one["error_code"] for one in rejected]
    assert codes == ["format"] * 3 + ["22008"] + ["format"] * 2


def test_texts_of_a_megabyte_come_out_as_they_went_in(warehouse: Warehouse) -> None:
    text = ('line "one"\n\tüñ 雲 😀 \\' * 60_000)[: 1024 * 1024]
    shape = schema("t", {"id": ID, "v": TEXT, "j": {}})
    row = record("t", id=1, v=text, j={"deep": [text]})
    as_ascii = json.dumps(record("t", id=2, v=text, j=text))
    assert warehouse.load(shape, row, as_ascii).error is None
    one, other = warehouse.rows("t")
    assert one == {"id": 1, "v": text, "j": {"deep": [text]}}
    assert other == {"id": 2, "v": text, "j": text}


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(values=st.lists(st.none() | st.binary(max_size=40), min_size=1, max_size=5))
@pytest.mark.parametrize("encoding", ["base16", "base64"])
def test_encoded_bytes_are_bytes_in_the_table(
    shared_warehouse: Warehouse, encoding: str, values: list[bytes | None]
) -> None:
    warehouse = shared_warehouse
    wanted = {"type": ["string", "null"], "contentEncoding": encoding}
    tokens = []
    for value in values:
        text = (
            base64.b64encode(value or b"").decode()
            if encoding == "base64"
            else (value or b"").hex()
        )
        tokens.append(json.dumps(None if value is None else text).replace("/", r"\/"))
    assert load(warehouse, wanted, *tokens).error is None
    assert [one["v"] for one in warehouse.rows("t")] == values
    warehouse.execute("drop table raw.t")


@pytest.mark.parametrize(
    ("encoding", "good", "bad"), [("base16", "0aFF", "0aF"), ("base64", "CgA=", "CgA")]
)
def test_text_that_is_not_encoded_bytes_is_rejected(
    warehouse: Warehouse, encoding: str, good: str, bad: str
) -> None:
    wanted = {"type": "string", "contentEncoding": encoding}
    load(warehouse, wanted, f'"{good}"', f'"{bad}"', '"\\n"', "5")
    assert [one["id"] for one in warehouse.rows("t")] == [0]
    rejected = warehouse.rows("t__rejected", "error_code, payload", "payload ->> 'id'")
    assert [one["error_code"] for one in rejected] == ["format", "format", "type"]
    assert rejected[0]["payload"]["v"] == bad


def test_bytes_in_a_key_and_in_what_postgresql_refuses(warehouse: Warehouse) -> None:
    shape = schema("t", {"id": {"type": "string", "contentEncoding": "base64"}, "n": ID})
    warehouse.load(shape, record("t", id="CgA=", n=1), record("t", id="CgA=", n=2))
    assert warehouse.rows("t") == [{"id": b"\n\x00", "n": 2}]
    warehouse.execute("alter table raw.t add check (n < 5)")
    warehouse.load(shape, record("t", id="CgA=", n=7), **Q)
    payload = warehouse.value("select payload from raw.t__rejected")
    assert (payload["id"], payload["n"]) == ("CgA=", 7)


@pytest.mark.parametrize("existing", ["text", "character varying", "jsonb"])
def test_a_column_that_holds_encoded_text_goes_on_to(warehouse: Warehouse, existing: str) -> None:
    warehouse.execute(
        f"create schema raw; create table raw.t (id bigint primary key, v {existing})"
    )
    assert load(warehouse, {"type": "string", "contentEncoding": "base64"}, '"CgA="').error is None
    assert warehouse.rows("t") == [{"id": 0, "v": "CgA="}]


def test_arrays_of_objects_inside_objects_are_one_document(warehouse: Warehouse) -> None:
    wanted = {
        "type": "object",
        "properties": {
            "rows": {
                "type": ["array", "null"],
                "items": {
                    "type": "object",
                    "properties": {"tags": {"type": "array", "items": {"type": "string"}}},
                },
            }
        },
    }
    tokens = [
        '{"rows": [{"tags": ["a", "\\n"]}, {"tags": [], "more": {"n": 1.10}}], "x": null}',
        '{"rows": null}',
        '{"rows": [{"tags": ["a", 1]}]}',
    ]
    load(warehouse, wanted, *tokens)
    assert [one["v"] for one in warehouse.rows("t")] == [json.loads(one) for one in tokens[:2]]
    assert warehouse.value("select error_path from raw.t__rejected") == "$.v.rows[0].tags[1]"


json_schemas = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(
                ["string", "integer", "number", "boolean", "object", "array", "null", "odd"]
            )
            | st.lists(st.sampled_from(["string", "integer", "null", "object"]), max_size=3),
            "format": st.sampled_from(["date", "date-time", "uuid", "uri"]),
            "enum": st.lists(st.none() | st.booleans() | st.integers(-3, 3), max_size=2),
            "const": st.sampled_from(["a", 1, None]),
            "minimum": st.integers(-5, 5),
            "maximum": st.integers(0, 2**70),
            "contentEncoding": st.sampled_from(["base16", "base64", "other"]),
            "$ref": st.sampled_from(
                ["#", "#/definitions/a", "#/definitions/b", "#/nowhere", "other.json"]
            ),
            "additionalProperties": st.booleans(),
        },
    ),
    lambda inside: st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array", ["array", "null"]]),
            "anyOf": st.lists(inside, max_size=2),
            "oneOf": st.lists(inside, max_size=2),
            "allOf": st.lists(inside, max_size=2),
            "items": inside | st.booleans(),
            "properties": st.dictionaries(st.sampled_from(["a", "b"]), inside, max_size=2),
            "$ref": st.sampled_from(["#/definitions/a", "#/definitions/b"]),
        },
    ),
    max_leaves=6,
)
scalars: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 2**40, 2**66, 0.5, "", "a", "2024-05-01", UUID, "0a", "CgA="]
)
documents = st.recursive(
    scalars,
    lambda inside: (
        st.lists(inside, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "b", "c"]), inside, max_size=2)
    ),
    max_leaves=4,
)


def check_that_no_value_is_lost(
    warehouse: Warehouse, wanted: Any, definitions: dict[str, Any], values: list[Any]
) -> None:
    warehouse.execute("drop schema if exists raw cascade")
    tokens = [json.dumps(value) for value in values]
    result = load(warehouse, wanted, *tokens, definitions=definitions)
    assert result.error is None
    as_json = warehouse.types("t")["v"] == "jsonb"
    stored = {one["id"]: one["v"] for one in warehouse.rows("t")}
    rejected: dict[int, Any] = {}
    if warehouse.value("select to_regclass('raw.t__rejected')"):
        rejected = {
            one["payload"]["id"]: one["payload"]["v"]
            for one in warehouse.rows("t__rejected", "payload")
        }
    assert stored.keys() | rejected.keys() == set(range(len(values)))
    assert not stored.keys() & rejected.keys()
    for number, value in enumerate(values):
        if number in rejected:
            assert rejected[number] == value
        elif as_json:
            assert stored[number] == value
        else:
            assert (stored[number] is None) == (value is None)


any_load = given(
    wanted=json_schemas,
    definitions=st.fixed_dictionaries({"a": json_schemas, "b": json_schemas}),
    values=st.lists(documents, min_size=1, max_size=4),
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@any_load
def test_any_schema_takes_or_rejects_each_value_and_loses_none(
    shared_warehouse: Warehouse, wanted: Any, definitions: dict[str, Any], values: list[Any]
) -> None:
    check_that_no_value_is_lost(shared_warehouse, wanted, definitions, values)


@pytest.mark.long
@settings(
    max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@any_load
def test_any_schema_takes_or_rejects_each_value_and_loses_none_in_many_examples(
    shared_warehouse: Warehouse, wanted: Any, definitions: dict[str, Any], values: list[Any]
) -> None:
    check_that_no_value_is_lost(shared_warehouse, wanted, definitions, values)


@pytest.mark.parametrize(
    "fault",
    [
        {"type": {"a": 1}},
        {"type": "odd"},
        {"type": [["string"], "integer"]},
        {"type": "string", "format": ["date"]},
        {"type": "string", "contentEncoding": ["base64"]},
        {"allOf": 5},
        {"allOf": [{"minimum": "low"}, {"minimum": 1}, 7]},
        {"anyOf": {"type": "string"}},
        {"anyOf": []},
        {"enum": "a"},
        {"properties": [1], "items": [True, {"type": "string"}]},
        {"type": "string", "pattern": "["},
        {"minimum": "x", "maxLength": "y"},
    ],
)
def test_a_faulty_schema_is_read_as_far_as_it_makes_sense(warehouse: Warehouse, fault: Any) -> None:
    names = {"a": ID, "b": fault}
    result = load(warehouse, {"type": "object", "properties": names}, '{"a": 1}', '{"a": "x"}')
    assert result.error is None
    assert [one["id"] for one in warehouse.rows("t")] == [0]
    assert warehouse.value("select error_path from raw.t__rejected") == "$.v.a"
    assert warehouse.load(schema("u", {"id": ID, "v": fault}), record("u", id=1)).error is None


def test_a_plain_schema_leaves_the_given_one_as_it_was() -> None:
    given_schema = schema("t", {"v": {"$ref": "#/$defs/node", "allOf": [{"type": "object"}]}})
    given_schema["schema"]["$defs"] = DEFS
    before = lines([given_schema])
    shapes.properties(given_schema["schema"])
    assert lines([given_schema]) == before


def test_what_is_stored_as_bytes_is_not_seen_as_text(warehouse: Warehouse) -> None:
    load(warehouse, {"type": "string", "contentEncoding": "base16"}, '"00ff"')
    with psycopg.connect(warehouse.database.uri) as connection:
        row = connection.execute("select v, length(v) from raw.t").fetchone()
    assert row == (b"\x00\xff", 2)
