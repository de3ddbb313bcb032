"""Tables: made when asked for, compared otherwise, never altered silently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from singer_kit.errors import ExitCode

from .conftest import record, schema

if TYPE_CHECKING:
    from .conftest import Json, Serving

SCHEMA = schema("t", {"id": {"type": "integer"}, "name": {"type": "string"}})
TABLE: Json = {"stream": "t", "table": "t", "partition_key": ["id"], "columns": ["name"]}


def test_nothing_is_made_unless_asked_for(serving: Serving) -> None:
    result = serving.load(SCHEMA, tables=[TABLE], create_tables=False)
    assert result.exit_code == ExitCode.TARGET_WRITE
    said = str(result.error)
    assert f"CREATE TABLE IF NOT EXISTS {serving.keyspace.name}.t (id bigint, name text" in said
    assert serving.keyspace.tables() == set()


def test_a_keyspace_that_is_not_there_is_refused_or_made(serving: Serving) -> None:
    name = f"{serving.keyspace.name}_2"
    result = serving.load(SCHEMA, keyspace=name)
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert f"there is no keyspace '{name}'" in str(result.error)
    replication = {"class": "SimpleStrategy", "replication_factor": 1}
    made = {"keyspace": name, "create_keyspace": True, "replication": replication}
    assert serving.load(SCHEMA, record("t", id=1, name="a"), **made).error is None
    serving.keyspace.execute(f"DROP KEYSPACE {name}")


def test_another_key_is_refused_with_both_definitions(serving: Serving) -> None:
    serving.keyspace.execute("CREATE TABLE {}.t (name text PRIMARY KEY, id bigint)")
    result = serving.load(SCHEMA, record("t", id=1, name="a"), tables=[TABLE])
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert "PRIMARY KEY ((name))" in str(result.error)
    assert "PRIMARY KEY ((id))" in str(result.error)
    assert serving.rows("t") == []


def test_a_type_that_cannot_hold_the_values_is_refused_with_both_definitions(
    serving: Serving,
) -> None:
    serving.keyspace.execute("CREATE TABLE {}.t (id bigint PRIMARY KEY, name uuid)")
    result = serving.load(SCHEMA, tables=[TABLE])
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert "cannot take the values of 'name'" in str(result.error)
    assert "name uuid" in str(result.error)
    assert "name text" in str(result.error)


def test_a_missing_column_is_refused_or_added(serving: Serving) -> None:
    serving.keyspace.execute("CREATE TABLE {}.t (id bigint PRIMARY KEY)")
    result = serving.load(SCHEMA, tables=[TABLE])
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert "has no column 'name'" in str(result.error)
    row = record("t", id=1, name="a")
    added = serving.load(SCHEMA, row, tables=[TABLE], on_schema_change="add_column")
    assert added.error is None
    assert serving.rows("t") == [{"id": 1, "name": "a"}]


def test_reserved_words_and_upper_case_are_quoted(serving: Serving) -> None:
    names = ("SELECT", "order", "Mixed", "with space", "ünï")
    wide = schema("token", {name: {"type": "string"} for name in names}, keys=["SELECT"])
    result = serving.load(wide, record("token", **dict.fromkeys(names, "v")))
    assert result.error is None
    [row] = serving.rows("token")
    assert {name: row[name] for name in names} == dict.fromkeys(names, "v")


def test_a_property_that_no_column_can_be_named_for_is_refused_with_what_to_do(
    serving: Serving,
) -> None:
    odd = schema("t", {"id": {"type": "integer"}, 'the "name"': {"type": "string"}})
    result = serving.load(odd, record("t", id=1))
    assert result.exit_code == ExitCode.CONFIG
    assert "list the others in 'columns'" in str(result.error)
    table = {**TABLE, "columns": []}
    assert serving.load(odd, record("t", id=1), tables=[table]).error is None
    assert serving.rows("t") == [{"id": 1}]


def test_a_stream_without_a_key_is_refused_with_what_to_do(serving: Serving) -> None:
    result = serving.load({**SCHEMA, "key_properties": []})
    assert result.exit_code == ExitCode.CONFIG
    assert "give it a table with a key in the setting 'tables'" in str(result.error)


def test_a_stream_that_feeds_no_table_is_left_out(serving: Serving) -> None:
    other = schema("other", {"id": {"type": "integer"}})
    messages = [other, record("other", id=1), SCHEMA, record("t", id=1, name="a")]
    assert serving.load(*messages, tables=[TABLE]).error is None
    assert serving.keyspace.tables() == {"t"}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"columns": ["nmae"]}, "'nmae', in table 't', is no property of stream 't'"),
        ({"explode": "name"}, "explodes 'name', which is no array of objects"),
        ({"derive": {"day": {"from": "name"}}}, "write {from: <property>, unit: day or month}"),
        (
            {"columns": ["day"], "derive": {"day": {"from": "name", "unit": "day"}}},
            "neither a date nor a time",
        ),
        ({"table": "t" * 49}, "at most 48"),
        ({"columns": ["name"], "when_null": {"id": "x"}}, "has a when_null for 'id'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_settings_that_do_not_fit_are_named(serving: Serving, table: Json, said: str) -> None:
    result = serving.load(SCHEMA, tables=[{**TABLE, **table}])
    assert result.exit_code == ExitCode.CONFIG
    assert said in str(result.error)


def test_a_table_has_one_feeding_stream(serving: Serving) -> None:
    other: dict[str, Any] = {**TABLE, "stream": "other"}
    result = serving.load(SCHEMA, tables=[TABLE, other])
    assert result.exit_code == ExitCode.CONFIG
    assert "a table has one feeding stream" in str(result.error)
