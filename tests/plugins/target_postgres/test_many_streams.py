"""Many streams in one run: one session, one transaction at a time, memory that does not grow."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psutil
import psycopg

from .conftest import Warehouse, lines, record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

STREAMS = [f"s{n:03}" for n in range(400)]
COLUMNS = {"id": {"type": "integer"}, "v": {"type": "string"}, "_sdc_lsn": {"type": "integer"}}
ROWS = 20
MEGABYTE = 1024 * 1024


def messages() -> bytes:
    """Return 12 MB of 400 streams that take turns line by line."""
    found = [schema(name, COLUMNS) for name in STREAMS]
    for n in range(ROWS):
        found += [record(name, id=n, v="x" * 1_500, _sdc_lsn=n) for name in STREAMS]
        found.append(state(**dict.fromkeys(STREAMS, n)))
    return lines(found)


def test_400_streams_take_one_session_and_little_memory(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    loader = warehouse.start(tmp_path, application_name="many", batch_size_bytes=6 * MEGABYTE)
    seen: set[int] = set()
    most = 0
    with ThreadPoolExecutor(1) as pool, psycopg.connect(warehouse.database.uri) as other:
        ended = pool.submit(loader.communicate, messages())
        while True:
            row = other.execute(
                "select count(*) from pg_stat_activity where application_name = 'many'"
            ).fetchone()
            other.rollback()
            seen.add(row[0] if row else 0)
            with contextlib.suppress(psutil.NoSuchProcess):
                most = max(most, psutil.Process(loader.pid).memory_info().rss)
            with contextlib.suppress(TimeoutError):
                _, log = ended.result(0.05)
                break
    assert loader.returncode == 0, log
    assert seen <= {0, 1}
    assert 0 < most < 200 * MEGABYTE
    assert warehouse.value("select sum(rows_inserted) from raw._sdc_loads") == 400 * ROWS
    assert (
        warehouse.value("select count(*) from raw._sdc_loads where finished_at is not null") == 400
    )


def test_a_first_load_does_no_work_that_only_an_upsert_needs(warehouse: Warehouse) -> None:
    """Rows of an empty table are copied straight into it: nothing is staged, and nothing twice."""
    warehouse.load(schema("t", COLUMNS))
    warehouse.execute(
        "create table raw.staged (tag text);"
        "create function raw.note() returns event_trigger language plpgsql as"
        " $$ begin insert into raw.staged values (tg_tag); end $$;"
        "create event trigger note on ddl_command_end when tag in ('CREATE TABLE AS')"
        " execute function raw.note()"
    )
    rows = [one for n in range(100) for one in (record("t", id=n, v="a", _sdc_lsn=n), state(t=n))]
    warehouse.load(schema("t", COLUMNS), *rows, batch_size_rows=10)
    assert warehouse.rows("staged") == []
    warehouse.load(schema("t", COLUMNS), record("t", id=1, v="b", _sdc_lsn=200))
    assert len(warehouse.rows("staged")) == 1
    assert warehouse.value("select count(*) from raw.t") == 100
