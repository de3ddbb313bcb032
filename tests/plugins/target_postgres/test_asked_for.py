"""What users of today's loaders ask for in public, each as they would meet it.

The names in brackets are issues of the projects where it is asked.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from .conftest import Warehouse, record, schema

ID = {"type": "integer"}
TEXT = {"type": ["string", "null"]}
UUID = "00000000-0000-0000-0000-00000000000a"
ANYTHING = {"type": ["string", "number", "integer", "array", "object", "boolean", "null"]}


def documents(warehouse: Warehouse, shapes: list[Any], values: list[Any]) -> list[list[Any]]:
    """Load every value under every shape, and return the columns."""
    names = [f"v{number}" for number in range(len(shapes))]
    shape = schema("t", {"id": ID, **dict(zip(names, shapes, strict=True))})
    rows = [
        record("t", id=number, **dict.fromkeys(names, value)) for number, value in enumerate(values)
    ]
    assert warehouse.load(shape, *rows).error is None
    assert {warehouse.types("t")[name] for name in names} == {"jsonb"}
    stored = warehouse.rows("t", "*", "id")
    return [[row[name] for row in stored] for name in names]


def test_a_json_column_of_the_source_is_one_document_not_an_array_of_them(
    warehouse: Warehouse,
) -> None:
    """[MeltanoLabs/target-postgres#394]."""
    values: list[Any] = [{"a": {"b": [1]}}, [{"a": 1}], []]
    shapes = [ANYTHING, {}, True, {"type": ["object", "array"]}]
    assert documents(warehouse, shapes, values) == [values] * len(shapes)


def test_a_json_column_of_the_source_is_its_value_not_the_word_true(warehouse: Warehouse) -> None:
    """[MeltanoLabs/target-postgres#458]."""
    values: list[Any] = [{"a": 1}, "text", "true", True, 1.5]
    shapes = [ANYTHING, {}, True, {"additionalProperties": True}]
    assert documents(warehouse, shapes, values) == [values] * len(shapes)
    kinds = warehouse.value("select array_agg(jsonb_typeof(v2) order by id) from raw.t")
    assert kinds == ["object", "string", "string", "boolean", "number"]


def test_a_uuid_column_goes_on_when_the_source_calls_it_text(warehouse: Warehouse) -> None:
    """[MeltanoLabs/target-postgres#387]."""
    for shape in ({"type": "string", "format": "uuid"}, TEXT, {"type": "string", "format": "uuid"}):
        assert (
            warehouse.load(schema("t", {"id": ID, "v": shape}), record("t", id=1, v=UUID)).error
            is None
        )
    assert warehouse.rows("t") == [{"id": 1, "v": UUID}]
    warehouse.load(schema("t", {"id": ID, "v": TEXT}), record("t", id=2, v="not one"))
    assert warehouse.rows("t", "v", "id")[1] == {"v": "not one"}


ENUM = (
    "create schema raw; create type raw.mood as enum ('sad', 'ok');"
    "create table raw.t (id bigint primary key, mood raw.mood, mood_text text)"
)


def test_an_enum_column_that_the_stream_does_not_send_is_left_alone(warehouse: Warehouse) -> None:
    """[MeltanoLabs/target-postgres#419]."""
    warehouse.execute(ENUM + "; insert into raw.t values (1, 'sad')")
    shape = schema("t", {"id": ID, "mood_text": TEXT})
    for _ in range(2):
        result = warehouse.load(shape, record("t", id=1, mood_text="ok"), record("t", id=2))
        assert result.error is None
    assert warehouse.rows("t", "id, mood::text, mood_text") == [
        {"id": 1, "mood": "sad", "mood_text": "ok"},
        {"id": 2, "mood": None, "mood_text": None},
    ]


def test_an_enum_column_takes_its_labels_and_rejects_others(warehouse: Warehouse) -> None:
    warehouse.execute(ENUM)
    shape = schema("t", {"id": ID, "mood": {"type": "string", "enum": ["sad", "ok", "new"]}})
    rows = [record("t", id=n, mood=mood) for n, mood in enumerate(("sad", "new", "ok"))]
    assert warehouse.load(shape, *rows, on_invalid_record="quarantine").error is None
    assert warehouse.rows("t", "id, mood::text") == [
        {"id": 0, "mood": "sad"},
        {"id": 2, "mood": "ok"},
    ]
    assert warehouse.value("select payload ->> 'mood' from raw.t__rejected") == "new"


@pytest.mark.parametrize("mode", ["widen", "new_column"])
def test_a_property_whose_type_changes_from_record_to_record_stops_nothing(
    warehouse: Warehouse, mode: str
) -> None:
    """[datamill-co/target-postgres#12]."""
    sent: list[tuple[Any, Any]] = [
        ({"type": "integer", "minimum": 0, "maximum": 9}, 1),
        (ID, 2**40),
        ({"type": "number"}, 0.5),
        (TEXT, "many"),
        ({"type": "object"}, {"a": 1}),
        (ID, 7),
        ({"type": "boolean"}, True),
    ]
    messages = []
    for number, (shape, value) in enumerate(sent):
        messages += [schema("t", {"id": ID, "v": shape}), record("t", id=number, v=value)]
    assert warehouse.load(*messages, on_type_change=mode).error is None
    assert warehouse.types("t")["v"] == "jsonb"
    expected = [str(1), str(2**40), "0.5", "many", {"a": 1}, 7, True]
    assert [one["v"] for one in warehouse.rows("t", "v", "id")] == expected


def test_types_that_are_declared_together_stop_nothing(warehouse: Warehouse) -> None:
    """[datamill-co/target-postgres#12]."""
    values = [1, "one", 1.5, None, True, [1], {"a": 1}]
    rows = [record("t", id=number, v=value) for number, value in enumerate(values)]
    assert warehouse.load(schema("t", {"id": ID, "v": ANYTHING}), *rows).error is None
    assert [one["v"] for one in warehouse.rows("t", "v", "id")] == values


def test_p10_an_absent_or_null_document_is_an_sql_null(warehouse: Warehouse) -> None:
    shape = schema("t", {"id": ID, "v": {"type": ["object", "null"]}, "w": {}})
    warehouse.load(shape, record("t", id=1), record("t", id=2, v=None, w=None))
    assert warehouse.value("select count(*) from raw.t where v is null and w is null") == 2


def test_p10_a_document_keeps_numbers_that_a_float_would_change(warehouse: Warehouse) -> None:
    shape = schema("t", {"id": ID, "v": {"type": "object"}})
    digits = '{"a": 1.10, "b": 12345678901234567890, "c": 0.1000000000000000055511151231257827}'
    warehouse.load(shape, f'{{"type":"RECORD","stream":"t","record":{{"id":1,"v":{digits}}}}}')
    assert warehouse.value("select v::text from raw.t") == digits


def test_p12_nan_and_infinity_go_into_numbers_as_they_are(warehouse: Warehouse) -> None:
    tokens = ["NaN", "Infinity", "-Infinity", '"NaN"', "1.0"]
    lines = [
        f'{{"type":"RECORD","stream":"t","record":{{"id":{number},"v":{token}}}}}'
        for number, token in enumerate(tokens)
    ]
    assert warehouse.load(schema("t", {"id": ID, "v": {"type": "number"}}), *lines).error is None
    found = [str(one["v"]) for one in warehouse.rows("t", "v", "id")]
    assert found == ["NaN", "Infinity", "-Infinity", "NaN", str(Decimal("1.0"))]


def test_p9_u0000_is_cleaned_in_keys_of_rows_and_of_documents_and_in_arrays(
    warehouse: Warehouse,
) -> None:
    shape = schema("t", {"id": {"type": "string"}, "v": {"type": "array"}})
    nul, lone = r'"a\u0000b"', r'"\ud800"'
    row = f'{{"type":"RECORD","stream":"t","record":{{"id":{nul},"v":[{nul},{{{nul}:{lone}}}]}}}}'
    assert warehouse.load(shape, row).error is None
    cleaned = "a\ufffdb"
    assert warehouse.rows("t") == [{"id": cleaned, "v": [cleaned, {cleaned: "\ufffd"}]}]
