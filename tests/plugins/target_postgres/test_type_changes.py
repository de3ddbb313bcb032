"""A column whose type no longer fits: what happens to its values, its table and its readers."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
import threading
import time
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from singer_kit.errors import ExitCode
from target_postgres import type_changes

from .conftest import Result, Warehouse, lines, record, schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ID = {"type": "integer"}
TEXT = {"type": ["string", "null"]}
LSN = {"type": "integer"}
MOMENT = {"type": "string", "format": "date-time"}
NEW = {"on_type_change": "new_column"}


@contextlib.contextmanager
def another_role(warehouse: Warehouse) -> Iterator[str]:
    """A role that owns a schema ``bi`` and may read ``raw``."""
    role = f"bi_of_{warehouse.database.settings['database']}"
    warehouse.execute(
        f"create role {role}; create schema bi authorization {role};"
        f"grant usage on schema raw to {role}; grant select on all tables in schema raw to {role}"
    )
    try:
        yield role
    finally:
        warehouse.execute(f"drop owned by {role} cascade; drop role {role}")


def printed_statement(caplog: pytest.LogCaptureFixture) -> str:
    (line,) = [one for one in caplog.messages if "to have one column again" in one]
    return line.partition("and run: ")[2]


def test_under_a_view_of_another_role_the_value_goes_to_a_new_column(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.load(schema("t", {"id": ID, "v": ID}), record("t", id=1, v=1), record("t", id=2, v=2))
    grown = schema("t", {"id": ID, "v": TEXT})
    with another_role(warehouse) as role:
        warehouse.execute(f"set role {role}; create view bi.seen as select id, v from raw.t")
        for row in (record("t", id=2, v="two"), record("t", id=3, v="three")):
            assert warehouse.load(grown, row, **NEW).error is None
        assert warehouse.rows("t") == [
            {"id": 1, "v": 1, "v__text": None},
            {"id": 2, "v": None, "v__text": "two"},
            {"id": 3, "v": None, "v__text": "three"},
        ]
        assert warehouse.value("select array_agg(v order by id) from bi.seen") == [1, None, None]
    assert "raw.t is bigint, and PostgreSQL refuses to change it" in caplog.text
    assert "view bi.seen" in caplog.text
    warehouse.execute(printed_statement(caplog))
    assert warehouse.load(grown, record("t", id=4, v="four"), **NEW).error is None
    values = ["1", "two", "three", "four"]
    assert warehouse.rows("t") == [{"id": n, "v": v} for n, v in enumerate(values, 1)]


def test_above_a_size_a_table_is_not_rewritten(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.load(schema("t", {"id": ID, "v": ID}), record("t", id=1, v=1))
    before = warehouse.value("select relfilenode from pg_class where relname = 't'")
    monkeypatch.setattr(type_changes, "REWRITE_LIMIT", 1024)
    warehouse.load(schema("t", {"id": ID, "v": TEXT}), record("t", id=2, v="a"), **NEW)
    assert warehouse.value("select relfilenode from pg_class where relname = 't'") == before
    assert warehouse.types("t")["v__text"] == "text"
    monkeypatch.setattr(type_changes, "REWRITE_LIMIT", 1024**3)
    warehouse.load(schema("u", {"id": ID, "v": ID}), record("u", id=1, v=1))
    warehouse.load(schema("u", {"id": ID, "v": TEXT}), record("u", id=2, v="a"), **NEW)
    assert warehouse.rows("u", "v", "id") == [{"v": "1"}, {"v": "a"}]


def test_a_limit_goes_from_a_large_table_without_a_rewrite(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type_changes, "REWRITE_LIMIT", 0)
    warehouse.execute("create schema raw; create table raw.t (id bigint primary key, v varchar(2))")
    warehouse.load(schema("t", {"id": ID, "v": TEXT}), record("t", id=1, v="long"), **NEW)
    assert warehouse.rows("t") == [{"id": 1, "v": "long"}]


@pytest.mark.parametrize(
    ("existing", "stored", "wanted", "value", "suffix", "merged"),
    [
        ("timestamp with time zone", "2024-05-01T00:00:00Z", ID, 7, "bigint", "jsonb"),
        ("boolean", True, MOMENT, "2024-05-01T00:00:00Z", "timestamptz", "text"),
        ("bigint", 7, {"type": "string", "format": "uuid"}, str(uuid.UUID(int=1)), "uuid", "text"),
        ("double precision", 0.5, {"type": "number"}, 0.1, "numeric", "jsonb"),
        ("uuid", str(uuid.UUID(int=1)), {"type": "boolean"}, True, "boolean", "jsonb"),
        ("timestamp", "2024-05-01", MOMENT, "2024-05-01T00:00:00Z", "timestamptz", "text"),
        ("bytea", "a", {"type": "object"}, {"a": 1}, "jsonb", "jsonb"),
    ],
)
def test_a_change_that_cannot_widen_goes_to_a_new_column(  # noqa: PLR0917 - one column for each
    warehouse: Warehouse,
    caplog: pytest.LogCaptureFixture,
    existing: str,
    stored: object,
    wanted: dict[str, Any],
    value: object,
    suffix: str,
    merged: str,
) -> None:
    warehouse.execute(
        f"create schema raw; create table raw.t (id bigint primary key, v {existing});"
        f"insert into raw.t values (1, '{stored}'), (2, '{stored}')"
    )
    result = warehouse.load(schema("t", {"id": ID, "v": wanted}), record("t", id=2, v=value), **NEW)
    assert result.error is None
    beside = f"v__{suffix}"
    where = warehouse.rows("t", f"v is null as left_old, {beside} is not null as in_new", "id")
    assert where == [
        {"left_old": False, "in_new": False},
        {"left_old": True, "in_new": True},
    ]
    warehouse.execute(printed_statement(caplog))
    assert warehouse.types("t") | {"v": merged} == warehouse.types("t")
    again = warehouse.load(schema("t", {"id": ID, "v": wanted}), record("t", id=1), **NEW)
    assert again.error is None
    assert warehouse.value("select count(v) from raw.t") == 2


def test_without_new_column_a_change_that_cannot_widen_is_refused(warehouse: Warehouse) -> None:
    warehouse.load(schema("t", {"id": ID, "v": MOMENT}))
    result = warehouse.load(schema("t", {"id": ID, "v": ID}), record("t", id=1, v=1))
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert "column v of raw.t is timestamp with time zone, which cannot hold" in str(result.error)


def test_a_key_is_never_put_aside(warehouse: Warehouse) -> None:
    warehouse.load(schema("t", {"id": ID}), record("t", id=1))
    result = warehouse.load(schema("t", {"id": TEXT}), record("t", id="a"), **NEW)
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert warehouse.rows("t") == [{"id": 1}]


def test_a_column_of_that_name_which_is_not_ours_is_left_alone(warehouse: Warehouse) -> None:
    mine = {"id": ID, "v": MOMENT, "v__bigint": TEXT}
    warehouse.load(schema("t", mine), record("t", id=1, v__bigint="mine"))
    for properties in ({"id": ID, "v": ID}, {"id": ID, "v": ID, "v__bigint": TEXT}):
        result = warehouse.load(schema("t", properties), record("t", id=1, v=1), **NEW)
        assert result.exit_code == ExitCode.TARGET_WRITE
        assert "v__bigint, but there is another of that name" in str(result.error)
    assert warehouse.rows("t", "v__bigint") == [{"v__bigint": "mine"}]


def test_a_partial_row_keeps_a_value_in_whichever_column_it_is(warehouse: Warehouse) -> None:
    names = {"id": ID, "n": ID, "_sdc_lsn": LSN}
    warehouse.load(
        schema("t", {**names, "v": MOMENT}),
        record("t", id=1, v="2024-05-01T00:00:00Z", _sdc_lsn=1),
        record("t", id=2, v="2024-05-02T00:00:00Z", _sdc_lsn=1),
    )
    warehouse.load(
        schema("t", {**names, "v": ID}),
        record("t", id=1, n=5, _sdc_lsn=2),
        record("t", id=2, v=7, _sdc_lsn=2),
        record("t", id=2, n=6, _sdc_lsn=3),
        **NEW,
    )
    expected = [
        {"id": 1, "n": 5, "d": dt.date(2024, 5, 1), "v__bigint": None},
        {"id": 2, "n": 6, "d": None, "v__bigint": 7},
    ]
    assert warehouse.rows("t", "id, n, v::date as d, v__bigint") == expected
    warehouse.load(
        schema("t", {**names, "v": MOMENT}),
        record("t", id=2, v="2024-05-03T00:00:00Z", _sdc_lsn=4),
    )
    assert warehouse.rows("t", "v::date as d, v__bigint", "id")[1] == {
        "d": dt.date(2024, 5, 3),
        "v__bigint": None,
    }


KINDS: dict[str, tuple[dict[str, Any], st.SearchStrategy[Any]]] = {
    "number": ({"type": ["number", "null"]}, st.none() | st.integers(-9, 9)),
    "text": (TEXT, st.none() | st.sampled_from(["a", "null", "7"])),
    "boolean": ({"type": ["boolean", "null"]}, st.none() | st.booleans()),
    "moment": ({**MOMENT, "type": ["string", "null"]}, st.just("2024-05-01T00:00:00+00:00")),
    "document": ({"type": ["object", "null"]}, st.none() | st.just({"a": 1})),
}
loads = st.lists(
    st.sampled_from(list(KINDS)).flatmap(
        lambda kind: st.tuples(
            st.just(kind),
            st.lists(st.tuples(st.integers(1, 3), KINDS[kind][1] | st.just(...)), max_size=4),
        )
    ),
    min_size=1,
    max_size=5,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(runs=loads, viewed=st.booleans())
def test_whatever_types_come_in_whatever_order_no_value_is_lost(
    shared_warehouse: Warehouse, runs: list[tuple[str, list[tuple[int, Any]]]], viewed: bool
) -> None:
    warehouse = shared_warehouse
    warehouse.execute("create schema if not exists raw; drop table if exists raw.t cascade")
    model: dict[int, Any] = {}
    for number, (kind, rows) in enumerate(runs):
        messages = []
        for key, value in rows:
            present = {} if value is ... else {"v": value}
            model[key] = present.get("v", model.get(key))
            messages.append(record("t", id=key, **present))
        shape = schema("t", {"id": ID, "v": KINDS[kind][0]})
        assert warehouse.load(shape, *messages, **NEW).error is None
        if viewed and number == 0:
            warehouse.execute("create view raw.seen as select v from raw.t")
    aside = [name for name in warehouse.types("t") if re.fullmatch(r"v(__\w+)?", name)]
    for row in warehouse.rows("t", "id, " + ", ".join(aside)):
        held = [row[name] for name in aside if row[name] is not None]
        assert len(held) == (model[row["id"]] is not None)
        assert [spelled(value) for value in held] == [spelled(model[row["id"]])] * len(held)


def spelled(value: Any) -> str:
    """Return a value as text, the same whatever type it was stored as."""
    if isinstance(value, dt.datetime):
        value = value.isoformat()
    text = str(value)
    if re.fullmatch(r"2024-05-01 00:00:00\+00", text):
        return "2024-05-01T00:00:00+00:00"
    return text.lower() if isinstance(value, bool | Decimal) else text


def loading(
    warehouse: Warehouse, *messages: Any, **config: Any
) -> tuple[threading.Thread, list[Result]]:
    """Start a load in a thread; its result is in the list once the thread has ended."""
    results: list[Result] = []
    thread = threading.Thread(target=lambda: results.append(warehouse.load(*messages, **config)))
    thread.start()
    return thread, results


def wait_until_something_waits_for_a_lock(warehouse: Warehouse) -> None:
    deadline = time.monotonic() + 30
    while not warehouse.value("select exists (select from pg_locks where not granted)"):
        assert time.monotonic() < deadline


@pytest.mark.parametrize("changed", [{"id": ID, "v": ID, "w": ID}, {"id": ID, "v": TEXT}])
def test_readers_that_come_later_do_not_queue_behind_a_change_that_waits(
    warehouse: Warehouse, changed: dict[str, Any]
) -> None:
    warehouse.load(schema("t", {"id": ID, "v": ID}), record("t", id=1, v=1))
    with psycopg.connect(warehouse.database.uri) as reader:
        reader.execute("select from raw.t")
        thread, results = loading(warehouse, schema("t", changed), record("t", id=2))
        wait_until_something_waits_for_a_lock(warehouse)
        with warehouse.database.connect() as later:
            later.execute("set statement_timeout to '3s'")
            for _ in range(20):
                assert later.execute("select count(*) from raw.t").fetchone() == (1,)
        assert thread.is_alive()
        reader.rollback()
        thread.join(30)
    assert [one.error for one in results] == [None]
    assert warehouse.value("select count(*) from raw.t") == 2


def test_a_new_column_waits_no_longer_than_the_lock_timeout(warehouse: Warehouse) -> None:
    warehouse.load(schema("t", {"id": ID}), record("t", id=1))
    grown = schema("t", {"id": ID, "v": ID})
    with psycopg.connect(warehouse.database.uri) as reader:
        reader.execute("select from raw.t")
        result = warehouse.load(grown, record("t", id=2, v=2), lock_timeout_seconds=1)
        assert result.exit_code == ExitCode.TARGET_WRITE
        assert "lock timeout: raw.t was in use for 1 s" in str(result.error)
        assert 'alter table "raw"."t" add column "v" bigint' in str(result.error)
    assert warehouse.load(grown, record("t", id=2, v=2)).error is None
    assert warehouse.rows("t") == [{"id": 1, "v": None}, {"id": 2, "v": 2}]


def test_the_lock_timeout_is_whole_again_after_a_change(warehouse: Warehouse) -> None:
    warehouse.execute(
        "create schema raw; create function raw.shown() returns text"
        " language sql as $$ select current_setting('lock_timeout') $$;"
        "create table raw.t (id bigint primary key, shown text default raw.shown())"
    )
    shape = schema("t", {"id": ID, "v": ID})
    warehouse.load(shape, record("t", id=1, v=1), lock_timeout_seconds=77)
    assert warehouse.rows("t", "shown") == [{"shown": "77s"}]


def test_each_change_is_a_line_of_json_on_standard_error(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    warehouse.load(schema("t", {"id": ID, "v": MOMENT}), record("t", id=1))
    messages = lines([schema("t", {"id": ID, "v": ID, "new": TEXT}), record("t", id=2, v=7)])
    result = warehouse.run(tmp_path, messages, **NEW)
    said = [json.loads(line) for line in result.log.splitlines()]
    changes = [one["message"] for one in said if one["message"].startswith("DDL: ")]
    assert [change.partition(" is ")[0] for change in changes] == [
        'DDL: alter table "raw"."t" add column "v__bigint" bigint',
        'DDL: comment on column "raw"."t"."v__bigint"',
        'DDL: alter table "raw"."t" add column "new" text',
    ]
    (warning,) = [one for one in said if "to have one column again" in one["message"]]
    assert warning["level"] == "warning"
