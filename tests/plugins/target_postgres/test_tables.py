"""How tables are made, how they grow, and when one is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import conninfo

from singer_kit.errors import ExitCode

from .conftest import Warehouse, record, schema

ID = {"type": "integer"}
TEXT = {"type": ["string", "null"]}
UUID_A = "00000000-0000-0000-0000-00000000000a"


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
    result = warehouse.load(schema("t", {"id": ID, "v": wanted}), on_type_change="fail")
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
    shape = schema("t", {"id": ID, "v": wanted})
    result = warehouse.load(shape, record("t", id=1, v=value), on_type_change="fail")
    assert result.error is None
    assert warehouse.rows("t") == [{"id": 1, "v": expected}]


DATE_TIME = {"type": "string", "format": "date-time"}


@pytest.mark.parametrize(
    ("existing", "stored", "wanted", "value", "expected"),
    [
        ("smallint", 7, {"type": "integer", "minimum": 0, "maximum": 99_999}, 70_000, [7, 70_000]),
        ("smallint", 7, ID, 2**40, [7, 2**40]),
        ("integer", 7, ID, 2**40, [7, 2**40]),
        ("bigint", 2**62, {"type": "integer", "maximum": 2**70}, 2**62, [2**62, 2**62]),
        ("bigint", 7, {"type": "number"}, 0.5, [Decimal(7), Decimal("0.5")]),
        ("numeric(4,1)", 7.5, {"type": "number"}, 0.25, [Decimal("7.5"), Decimal("0.25")]),
        ("numeric", "1.50", {"type": "string"}, "x", ["1.50", "x"]),
        ("character varying(3)", "abc", {"type": "string"}, "abcdef", ["abc", "abcdef"]),
        ("uuid", UUID_A, {"type": "string"}, "x", [UUID_A, "x"]),
        ("boolean", True, {"type": "string"}, "x", ["true", "x"]),
        ("bigint", 7, {"type": "object"}, {"a": 1}, [7, {"a": 1}]),
        ("date", "2024-05-01", {"type": "array"}, [1], ["2024-05-01", [1]]),
        ("boolean", False, {}, None, [False, None]),
        ("text", 'a "quote"', {"type": "object"}, {"a": 1}, ['a "quote"', {"a": 1}]),
        ("character varying(9)", "abc", {"type": "array"}, [1], ["abc", [1]]),
    ],
)
def test_a_column_widens_and_keeps_its_values(  # noqa: PLR0917 - one column for each
    warehouse: Warehouse,
    existing: str,
    stored: object,
    wanted: dict[str, Any],
    value: object,
    expected: list[object],
) -> None:
    warehouse.execute(
        f"create schema raw; create table raw.t (id bigint primary key, v {existing});"
        f"insert into raw.t values (1, '{stored}')"
    )
    result = warehouse.load(schema("t", {"id": ID, "v": wanted}), record("t", id=2, v=value))
    assert result.error is None
    assert [one["v"] for one in warehouse.rows("t")] == expected


def test_a_date_widens_to_midnight_utc_whatever_the_zone_and_goes_on_to_take_dates(
    warehouse: Warehouse,
) -> None:
    name = warehouse.database.settings["database"]
    warehouse.execute(f"alter database {name} set timezone to 'Asia/Kathmandu'")
    date = {"type": "string", "format": "date"}
    warehouse.load(schema("t", {"id": ID, "v": date}), record("t", id=1, v="2024-05-01"))
    at = "2024-05-02T03:00:00+03:00"
    warehouse.load(schema("t", {"id": ID, "v": DATE_TIME}), record("t", id=2, v=at))
    warehouse.load(schema("t", {"id": ID, "v": date}), record("t", id=3, v="2024-05-03"))
    assert warehouse.rows("t", "v::text") == [
        {"v": f"2024-05-0{day} 00:00:00+00"} for day in (1, 2, 3)
    ]


def test_a_type_that_changes_in_the_middle_of_a_run_widens(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "target-postgres"):
        result = warehouse.load(
            schema("t", {"id": ID, "v": ID}),
            record("t", id=1, v=1),
            schema("t", {"id": ID, "v": TEXT}),
            record("t", id=2, v="two"),
            schema("t", {"id": ID, "v": ID}),
            record("t", id=3, v=3),
        )
    assert result.error is None
    assert warehouse.rows("t", "v") == [{"v": "1"}, {"v": "3"}, {"v": "two"}]
    assert 'DDL: alter table "raw"."t" alter column "v" type text' in caplog.messages


def test_a_rewrite_waits_no_longer_than_the_lock_timeout(warehouse: Warehouse) -> None:
    warehouse.load(schema("t", {"id": ID, "v": ID}), record("t", id=1, v=1))
    with psycopg.connect(warehouse.database.uri) as reader:
        reader.execute("select from raw.t")
        grown = schema("t", {"id": ID, "v": TEXT})
        result = warehouse.load(grown, record("t", id=2, v="a"), lock_timeout_seconds=1)
        assert "lock timeout" in str(result.error)
        assert warehouse.value("select count(*) from raw.t") == 1
    assert warehouse.types("t")["v"] == "bigint"


def test_without_a_change_readers_are_not_locked_out(warehouse: Warehouse) -> None:
    shape = schema("t", {"id": ID, "v": ID})
    warehouse.load(shape, record("t", id=1, v=1))
    with psycopg.connect(warehouse.database.uri) as reader:
        reader.execute("select from raw.t")
        result = warehouse.load(shape, record("t", id=2, v=2), lock_timeout_seconds=1)
    assert result.error is None


def test_a_column_that_a_view_uses_is_refused_with_what_to_do(warehouse: Warehouse) -> None:
    warehouse.load(schema("t", {"id": ID, "v": ID}), record("t", id=1, v=1))
    warehouse.execute("create view raw.seen as select v from raw.t")
    result = warehouse.load(schema("t", {"id": ID, "v": TEXT}), record("t", id=2, v="a"))
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert "raw.seen" in str(result.error)
    assert 'run: alter table "raw"."t" alter column "v" type text; and' in str(result.error)
    assert warehouse.rows("t") == [{"id": 1, "v": 1}]


def test_a_key_widens_among_numbers_only(warehouse: Warehouse) -> None:
    warehouse.execute("create schema raw; create table raw.t (id int primary key)")
    warehouse.load(schema("t", {"id": ID}), record("t", id=2**40))
    assert warehouse.rows("t") == [{"id": 2**40}]
    result = warehouse.load(schema("t", {"id": TEXT}), record("t", id="a"))
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert "column id of raw.t is bigint" in str(result.error)


@pytest.mark.parametrize("keys", [("file", "id"), ("file",), ()])
def test_a_changed_key_is_refused_with_both_definitions(
    warehouse: Warehouse, keys: tuple[str, ...]
) -> None:
    names = {"id": ID, "file": {"type": "string"}, "n": ID}
    warehouse.load(schema("t", names, keys=("n", "id")), record("t", id=1, file="a", n=1))
    result = warehouse.load(schema("t", names, keys=keys), record("t", id=1, file="b", n=2))
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert f"key of the stream is ({', '.join(keys)})" in str(result.error)
    assert "that of table raw.t is (n, id)" in str(result.error)
    assert warehouse.rows("t") == [{"id": 1, "file": "a", "n": 1}]


def test_an_integer_column_takes_what_fits_and_refuses_the_rest(warehouse: Warehouse) -> None:
    warehouse.execute("create schema raw; create table raw.t (id int primary key, v int)")
    warehouse.load(
        schema("t", {"id": ID, "v": ID}),
        *(record("t", id=n, v=v) for n, v in enumerate((1, 2**40, 3, 2**50, 5))),
        on_invalid_record="quarantine",
        on_type_change="fail",
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
