"""How tables are made, how they grow, and when one is refused."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import conninfo

from singer_kit.errors import ExitCode

from .conftest import Warehouse, record, schema

ID = {"type": "integer"}
TEXT = {"type": ["string", "null"]}


def test_a_stream_without_records_still_gets_its_table(warehouse: Warehouse) -> None:
    warehouse.load(schema("t", {"id": ID, "at": {"type": "string", "format": "date-time"}}))
    types = warehouse.types("t")
    assert (types["id"], types["at"]) == ("bigint", "timestamp with time zone")
    assert types["_sdc_table_version"] == "bigint"
    key = "select array_agg(attname) from pg_index join pg_attribute on attrelid = indrelid"
    assert warehouse.value(
        f"{key} and attnum = any (indkey) where indisprimary and indrelid = 'raw.t'::regclass"
    ) == ["id"]


def test_a_schema_that_grows_adds_columns(warehouse: Warehouse) -> None:
    warehouse.load(
        schema("t", {"id": ID}),
        record("t", id=1),
        schema("t", {"id": ID, "b": TEXT}),
        record("t", id=2, b="two"),
        schema("t", {"id": ID, "b": TEXT, "c": {"type": "object"}}),
        record("t", id=3, b="three", c={}),
        schema("t", {"id": ID}),
        record("t", id=2),
    )
    assert warehouse.rows("t") == [
        {"id": 1, "b": None, "c": None},
        {"id": 2, "b": "two", "c": None},
        {"id": 3, "b": "three", "c": {}},
    ]


def test_properties_the_schema_does_not_know_are_left_out(warehouse: Warehouse) -> None:
    result = warehouse.load(schema("t", {"id": ID}), record("t", id=1, more=[{"deep": "\n"}]))
    assert result.error is None
    assert warehouse.rows("t") == [{"id": 1}]


@pytest.mark.parametrize(
    "name", ["Camel", "with space", 'quo"te', "per%cent", "select", "ключ", "a:b!c", "back\\slash"]
)
def test_any_name_can_be_a_stream_and_a_property(warehouse: Warehouse, name: str) -> None:
    shape = schema(name, {name: ID, "v": TEXT, "_sdc_lsn": ID}, keys=[name])
    warehouse.load(shape, record(name, **{name: 1, "v": "a", "_sdc_lsn": 1}))
    warehouse.load(shape, record(name, **{name: 1, "_sdc_lsn": 2}), record(name, **{name: 2}))
    quoted = '"' + name.replace('"', '""') + '"'
    assert warehouse.rows(quoted) == [
        {name: 1, "v": "a", "_sdc_lsn": 2},
        {name: 2, "v": None, "_sdc_lsn": None},
    ]


def test_a_name_that_postgresql_would_cut_off_is_refused(warehouse: Warehouse) -> None:
    result = warehouse.load(schema("t", {"id": ID, "é" * 32: TEXT}))
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert "63 bytes" in str(result.error)


def test_a_table_without_the_key_is_refused_with_the_statement_that_adds_it(
    warehouse: Warehouse,
) -> None:
    warehouse.execute("create schema raw; create table raw.t (id bigint, v text)")
    warehouse.execute("create unique index on raw.t (id) where v is not null")
    shape = schema("t", {"id": ID, "v": TEXT})
    result = warehouse.load(shape, record("t", id=1, v="a"))
    assert result.exit_code == ExitCode.TARGET_WRITE
    statement = str(result.error).rpartition("add it with: ")[2]
    assert statement == 'alter table "raw"."t" add primary key ("id")'
    warehouse.execute(statement)
    assert warehouse.load(shape, record("t", id=1, v="a")).error is None
    assert warehouse.rows("t") == [{"id": 1, "v": "a"}]


@pytest.mark.parametrize(
    ("existing", "wanted"),
    [
        ("timestamp", {"type": "string", "format": "date-time"}),
        ("date", {"type": "string", "format": "date-time"}),
        ("double precision", {"type": "number"}),
        ("numeric(10,2)", {"type": "number"}),
        ("character varying(9)", {"type": "string"}),
        ("bigint", {"type": "string"}),
        ("bytea", {"type": "object"}),
    ],
)
def test_a_column_that_would_change_values_is_refused_with_the_statement_that_helps(
    warehouse: Warehouse, existing: str, wanted: dict[str, Any]
) -> None:
    warehouse.execute(
        f"create schema raw; create table raw.t (id bigint primary key, v {existing})"
    )
    result = warehouse.load(schema("t", {"id": ID, "v": wanted}))
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert 'change it with: alter table "raw"."t" alter column "v" type ' in str(result.error)


@pytest.mark.parametrize(
    ("existing", "wanted", "value", "expected"),
    [
        ("text", {"type": "string", "format": "date"}, "2024-05-01", "2024-05-01"),
        ("text", {"type": "object"}, {"a": "\n"}, '{"a": "\\n"}'),
        ("numeric", {"type": "integer"}, 2**60, 2**60),
        ("jsonb", {"type": "string"}, 'a "quote"', 'a "quote"'),
        ("jsonb", {"type": "integer"}, 1, 1),
        ("character varying", {"type": "string"}, "a", "a"),
    ],
)
def test_a_wider_column_takes_the_values(
    warehouse: Warehouse, existing: str, wanted: dict[str, Any], value: Any, expected: Any
) -> None:
    warehouse.execute(
        f"create schema raw; create table raw.t (id bigint primary key, v {existing})"
    )
    result = warehouse.load(schema("t", {"id": ID, "v": wanted}), record("t", id=1, v=value))
    assert result.error is None
    assert warehouse.rows("t") == [{"id": 1, "v": expected}]


def test_an_integer_column_takes_what_fits_and_refuses_the_rest(warehouse: Warehouse) -> None:
    warehouse.execute("create schema raw; create table raw.t (id int primary key, v int)")
    warehouse.load(
        schema("t", {"id": ID, "v": ID}),
        *(record("t", id=n, v=v) for n, v in enumerate((1, 2**40, 3, 2**50, 5))),
        on_invalid_record="quarantine",
    )
    assert warehouse.rows("t") == [{"id": n, "v": v} for n, v in ((0, 1), (2, 3), (4, 5))]
    rejected = warehouse.rows("t__rejected", "source_key, error_path, error_code, payload")
    assert [one["source_key"] for one in rejected] == ["run-1#3", "run-1#5"]
    assert {(one["error_path"], one["error_code"]) for one in rejected} == {("$.v", "22003")}
    assert rejected[0]["payload"]["v"] == 2**40


def test_a_loader_that_may_not_make_schemas_loads_into_one_it_owns(warehouse: Warehouse) -> None:
    name = warehouse.database.settings["database"]
    role = f"loader_of_{name}"
    warehouse.execute(f"create role {role} login password 'sesame'")
    try:
        warehouse.execute(f"create schema raw authorization {role}")
        own = {"user": role, "password": "sesame"}
        result = warehouse.load(schema("t", {"id": ID}), record("t", id=1), **own)
        assert result.error is None
        assert warehouse.rows("t") == [{"id": 1}]
        refused = warehouse.load(schema("t", {"id": ID}), default_target_schema="other", **own)
        assert refused.exit_code == ExitCode.TARGET_WRITE
        assert "permission denied for database" in str(refused.error)
    finally:
        warehouse.execute(f"drop owned by {role}; drop role {role}")


def test_every_change_of_the_database_is_logged(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "target-postgres"):
        warehouse.load(schema("t", {"id": ID}))
        warehouse.load(schema("t", {"id": ID, "b": TEXT}))
    logged = [one.message for one in caplog.records if one.message.startswith("DDL: ")]
    assert [line.split(" (")[0] for line in logged] == [
        'DDL: create schema if not exists "raw"',
        'DDL: create table "raw"."_sdc_loads"',
        'DDL: create table "raw"."t"',
        'DDL: alter table "raw"."t" add column "b" text',
    ]


def test_the_session_says_who_it_is_and_does_not_wait_for_ever(warehouse: Warehouse) -> None:
    shape = schema("t", {"id": ID})
    warehouse.load(shape)
    address = conninfo.make_conninfo(warehouse.database.uri)
    with psycopg.connect(address) as other:
        other.execute("lock table raw.t in access exclusive mode")
        result = warehouse.load(shape, record("t", id=1), lock_timeout_seconds=1)
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert "lock timeout" in str(result.error)
    warehouse.execute(
        "create function raw.who() returns trigger language plpgsql as"
        " $$ begin raise exception using errcode = 'P0001',"
        " message = current_setting('application_name'); end $$;"
        "create trigger who before insert on raw.t execute function raw.who()"
    )
    result = warehouse.load(shape, record("t", id=1), application_name="it is me")
    assert "it is me" in str(result.error)
