"""Tables that others share: who may read them, indexes, room for updates, statistics."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import psycopg

from singer_kit.errors import ExitCode

from .conftest import Warehouse, record, schema, state
from .test_type_changes import loading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from fixtures.fix_pgbouncer import PgBouncer

ID = {"type": "integer"}
TEXT = {"type": ["string", "null"]}
SHAPE = schema("t", {"id": ID, "City": TEXT, "age": ID, "doc": {"type": "object"}})
ROW = record("t", id=1, City="x", age=1, doc={"a": 1})


@contextlib.contextmanager
def readers(warehouse: Warehouse, *names: str) -> Iterator[list[str]]:
    made = [f"{name}_of_{warehouse.database.settings['database']}" for name in names]
    for role in made:
        warehouse.execute(f"create role {role} login password 'sesame'")
    try:
        yield made
    finally:
        for role in made:
            warehouse.execute(f"drop owned by {role}; drop role {role}")


def can_read(warehouse: Warehouse, role: str, table: str) -> bool:
    uri = psycopg.conninfo.make_conninfo(warehouse.database.uri, user=role, password="sesame")
    with psycopg.connect(uri) as connection:
        try:
            connection.execute(f"select from raw.{table}".encode())
        except psycopg.errors.InsufficientPrivilege:
            return False
        return True


def ddl(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [one.message for one in caplog.records if one.message.startswith("DDL: ")]
    caplog.clear()
    return found


def indexes(warehouse: Warehouse, table: str = "t") -> list[str]:
    found = warehouse.value(
        "select array_agg(regexp_replace(indexdef, '^.* USING ', '') order by indexname)"
        f" from pg_indexes join pg_class on relname = indexname join pg_index on indexrelid = oid"
        f" where schemaname = 'raw' and tablename = '{table}' and indisvalid and not indisprimary"
    )
    return list(found or [])


def test_roles_may_read_what_is_loaded_and_not_what_was_rejected(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    quarantine = schema("u__rejected", {"source_key": TEXT}, keys=())
    with readers(warehouse, "bi", "Ops") as (bi, ops), caplog.at_level("INFO", "target-postgres"):
        config: dict[str, Any] = {"on_invalid_record": "quarantine"}
        roles = [bi, ops.lower()]
        bad = record("t", id="x")
        warehouse.load(SHAPE, ROW, bad, quarantine, **config)
        assert not can_read(warehouse, bi, "t")
        ddl(caplog)
        granted = config | {"default_target_schema_select_permission": roles}
        for _ in range(2):
            result = warehouse.load(
                SHAPE, ROW, bad, schema("new", {"id": ID}), quarantine, **granted
            )
            assert result.error is None
        changes = ddl(caplog)
        assert len([one for one in changes if "grant select" in one]) == 4
        assert len([one for one in changes if "grant usage" in one]) == 2
        for role in roles:
            assert can_read(warehouse, role, "t")
            assert can_read(warehouse, role, "new")
            assert not can_read(warehouse, role, "t__rejected")
            assert not can_read(warehouse, role, "u__rejected")
            assert not can_read(warehouse, role, "_sdc_loads")


def test_one_role_may_be_given_as_a_name(warehouse: Warehouse) -> None:
    with readers(warehouse, "bi") as (bi,):
        warehouse.load(SHAPE, ROW, default_target_schema_select_permission=bi)
        assert can_read(warehouse, bi, "t")


def test_a_role_that_is_not_there_is_named(warehouse: Warehouse) -> None:
    result = warehouse.load(SHAPE, ROW, default_target_schema_select_permission=["nobody-here"])
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert "names 'nobody-here', and there is no such role" in str(result.error)


WANTED = {"t": {"indexes": [["City"], ["age", "City"], ["doc"], ["id"]], "fillfactor": 70}}
MADE = ["gin (doc)", 'btree (age, "City")', 'btree ("City")']


def test_a_new_table_has_its_indexes_and_room_before_its_first_row(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.execute("create schema raw")
    with caplog.at_level("INFO", "target-postgres"):
        warehouse.load(SHAPE, table_overrides=WANTED)
    assert sorted(indexes(warehouse)) == sorted(MADE)
    assert warehouse.value("select reloptions from pg_class where relname='t'") == ["fillfactor=70"]
    assert not [one for one in ddl(caplog) if "concurrently" in one]
    with caplog.at_level("INFO", "target-postgres"):
        warehouse.load(SHAPE, ROW, table_overrides=WANTED)
    assert ddl(caplog) == []


def test_an_index_follows_its_property_to_its_column(warehouse: Warehouse) -> None:
    warehouse.load(SHAPE, ROW, identifier_case="lower", table_overrides=WANTED)
    assert "btree (city)" in indexes(warehouse)


def test_indexes_are_added_to_a_table_in_use_without_blocking_anybody(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.load(SHAPE, ROW)
    with (
        caplog.at_level("INFO", "target-postgres"),
        psycopg.connect(warehouse.database.uri) as writer,
        warehouse.database.connect() as other,
    ):
        writer.execute("update raw.t set age = 2")
        thread, results = loading(warehouse, SHAPE, table_overrides=WANTED)
        deadline = time.monotonic() + 30
        waiting = "select exists (select from pg_stat_activity where wait_event_type = 'Lock')"
        while not warehouse.value(waiting):
            assert time.monotonic() < deadline
        other.execute("set statement_timeout to '3s'")
        other.execute("insert into raw.t (id) values (7)")
        assert other.execute("select count(*) from raw.t").fetchone() == (2,)
        assert thread.is_alive()
        writer.commit()
        thread.join(30)
    assert [one.error for one in results] == [None]
    assert sorted(indexes(warehouse)) == sorted(MADE)
    assert len([one for one in ddl(caplog) if "create index concurrently" in one]) == 3


def test_an_index_whose_making_was_cut_short_is_made_again(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.load(SHAPE, ROW, state(t=1))
    with psycopg.connect(warehouse.database.uri) as writer:
        writer.execute("update raw.t set age = 2")
        result = warehouse.load(SHAPE, state(t=2), table_overrides=WANTED, lock_timeout_seconds=1)
        assert result.error is None
        assert result.states == [{"bookmarks": {"t": 2}}]
    assert "upkeep of raw.t: canceling statement due to lock timeout" in caplog.text
    assert indexes(warehouse) == []
    invalid = "select count(*) from pg_index where not indisvalid"
    assert warehouse.value(invalid) == 1
    warehouse.load(SHAPE, table_overrides=WANTED)
    assert sorted(indexes(warehouse)) == sorted(MADE)
    assert warehouse.value(invalid) == 0


def test_behind_a_pool_the_statements_are_logged_instead(
    warehouse: Warehouse, pgbouncer: PgBouncer, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.load(SHAPE, ROW)
    warehouse.config["port"] = pgbouncer.port
    assert warehouse.load(SHAPE, ROW, table_overrides=WANTED).error is None
    (said,) = [one for one in caplog.messages if one.startswith("behind a pool")]
    for statement in said.partition("yourself: ")[2].split("; "):
        warehouse.execute(statement)
    assert sorted(indexes(warehouse)) == sorted(MADE)


def test_an_index_that_somebody_made_is_enough(warehouse: Warehouse) -> None:
    warehouse.load(SHAPE, ROW)
    warehouse.execute('create index mine on raw.t (age, "City", id)')
    warehouse.load(SHAPE, ROW, table_overrides={"t": {"indexes": [["age"], ["age", "City"]]}})
    assert indexes(warehouse) == ['btree (age, "City", id)']


def test_an_index_of_a_property_that_is_not_there_is_refused(warehouse: Warehouse) -> None:
    result = warehouse.load(SHAPE, ROW, table_overrides={"t": {"indexes": [["town"]]}})
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert "names property 'town', which the stream does not have" in str(result.error)


def test_room_for_updates_can_be_given_later(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.load(SHAPE, ROW)
    caplog.set_level("INFO", "target-postgres")
    for fillfactor in (80, 80, 60):
        warehouse.load(SHAPE, ROW, table_overrides={"t": {"fillfactor": fillfactor}})
    assert len([one for one in ddl(caplog) if "fillfactor" in one]) == 2
    assert warehouse.value("select reloptions from pg_class where relname='t'") == ["fillfactor=60"]


def estimate(warehouse: Warehouse) -> int:
    return int(warehouse.value("select reltuples from pg_class where relname = 't'"))


def test_the_planner_knows_of_a_large_load_at_once_and_others_cost_nothing(
    warehouse: Warehouse,
) -> None:
    warehouse.load(SHAPE)
    warehouse.execute("alter table raw.t set (autovacuum_enabled = false)")
    few = [record("t", id=n, age=n, doc={}) for n in range(999)]
    warehouse.load(SHAPE, *few)
    assert estimate(warehouse) == -1
    many = [record("t", id=n, age=n, doc={}) for n in range(20_000)]
    warehouse.load(SHAPE, *many)
    assert estimate(warehouse) == 20_000
    more = [record("t", id=n, age=n, doc={}) for n in range(20_000, 21_500)]
    warehouse.load(SHAPE, *more)
    assert estimate(warehouse) == 20_000
    warehouse.load(SHAPE, *many, *more)
    assert estimate(warehouse) == 20_000
    older = [record("t", id=n, age=n + 1, doc={}) for n in range(5_000)]
    warehouse.load(SHAPE, *older)
    assert estimate(warehouse) == 21_500


def test_sql_runs_before_the_first_table_and_after_the_last_row(warehouse: Warehouse) -> None:
    before = "create schema raw; create table raw.log (what text); insert into raw.log values ('a')"
    after = "insert into raw.log select 'rows: ' || count(*) from raw.t; select 1"
    shapes = [SHAPE, schema("u", {"id": ID})]
    result = warehouse.load(*shapes, ROW, before_run_sql=before, after_run_sql=after)
    assert result.error is None
    assert warehouse.rows("log") == [{"what": "a"}, {"what": "rows: 1"}]


def test_sql_is_not_run_when_nothing_came(warehouse: Warehouse) -> None:
    assert warehouse.load(before_run_sql="create schema raw", after_run_sql="oops").error is None
    assert warehouse.value("select to_regnamespace('raw') is null")


def test_sql_that_fails_before_ends_the_run_before_anything_is_made(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    message = b'{"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{}}}}\n'
    result = warehouse.run(tmp_path, message, before_run_sql="create schema a; select nothing")
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert "before_run_sql failed, nothing has been loaded" in result.last_line["message"]
    assert "Traceback" not in result.log
    assert warehouse.value("select to_regnamespace('a') is null and to_regnamespace('raw') is null")


def test_sql_that_fails_after_leaves_what_is_loaded(warehouse: Warehouse) -> None:
    result = warehouse.load(SHAPE, ROW, state(t=1), after_run_sql="select nothing")
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert "after_run_sql failed, all rows are committed" in str(result.error)
    assert result.states == [{"bookmarks": {"t": 1}}]
    assert warehouse.value("select count(*) from raw.t") == 1


def test_sql_after_the_run_is_not_run_when_a_stream_failed(warehouse: Warehouse) -> None:
    warehouse.execute("create schema raw; create table raw.u (id bigint)")
    after = "create table raw.after (id int)"
    result = warehouse.load(SHAPE, ROW, schema("u", {"id": ID}), after_run_sql=after)
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert warehouse.value("select to_regclass('raw.after') is null")
