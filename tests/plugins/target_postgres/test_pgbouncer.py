"""Behind PgBouncer, which gives each transaction whatever session is free."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest

from .conftest import EXECUTABLE, Warehouse, lines, record, schema

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.fix_pgbouncer import PgBouncer

ID = {"type": "integer"}
TEXT = {"type": ["string", "null"]}
MOMENT = {"type": "string", "format": "date-time"}


@pytest.fixture
def pooled(warehouse: Warehouse, pgbouncer: PgBouncer) -> Warehouse:
    """A warehouse whose loads go through the pool; what it looks at does not."""
    warehouse.config["port"] = pgbouncer.port
    warehouse.config["host"] = "127.0.0.1"
    return warehouse


def test_all_that_a_load_does_can_be_done_through_a_pool(pooled: Warehouse) -> None:
    assert EXECUTABLE.exists()
    name = pooled.database.settings["database"]
    pooled.execute(f"alter database {name} set timezone to 'Asia/Kathmandu'")
    properties = {"id": ID, "v": TEXT, "at": MOMENT, "_sdc_lsn": ID}
    config = {"delete_mode": "hard", "on_invalid_record": "quarantine", "batch_size_rows": 2}
    for v_type in (ID, TEXT):
        result = pooled.load(
            schema("t", properties | {"v": v_type}),
            *(
                record(
                    "t",
                    id=n % 3,
                    v=n if v_type is ID else "a",
                    _sdc_lsn=n,
                    at="2024-07-01 12:00:00",
                )
                for n in range(9)
            ),
            record("t", id=1, _sdc_lsn=20, _sdc_deleted_at="2024-07-02T00:00:00Z"),
            record("t", id="x"),
            {"type": "ACTIVATE_VERSION", "stream": "t", "version": 1} | {"reason": "resnapshot"},
            **config,
        )
        assert result.error is None
    noon = dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)
    assert pooled.rows("t", "id, v, at") == []
    pooled.load(schema("u", properties), record("u", id=1, v="a", at="2024-07-01 12:00:00"))
    assert pooled.rows("u", "id, v, at") == [{"id": 1, "v": "a", "at": noon}]
    assert pooled.value("select count(*) from raw.t__rejected") == 1


def test_nothing_of_a_load_stays_in_a_session_that_others_get(
    pooled: Warehouse, pgbouncer: PgBouncer
) -> None:
    name = str(pooled.database.settings["database"])
    shown = (
        "select pg_backend_pid(), current_setting('lock_timeout'), current_setting('datestyle'),"
        " current_setting('client_min_messages'), (select count(*) from pg_prepared_statements),"
        " (select count(*) from pg_class where relpersistence = 't'),"
        " (select count(*) from pg_locks where locktype = 'advisory')"
    )
    with psycopg.connect(pgbouncer.uri(name), autocommit=True) as other:
        before = other.execute(shown).fetchone()
        for number in range(8):
            shape = schema("t", {"id": ID, "v": TEXT})
            result = pooled.load(shape, record("t", id=1, v=str(number)), record("t", id=1, v="x"))
            assert result.error is None
        assert other.execute(shown).fetchone() == before


def test_two_loads_take_turns_in_one_session(
    pooled: Warehouse, pgbouncer: PgBouncer, tmp_path: Path
) -> None:
    assert pgbouncer.running
    streams = [schema(name, {"id": ID, "_sdc_lsn": ID}) for name in ("a", "b", "c")]
    rows = [record(name, id=n % 50, _sdc_lsn=n) for n in range(3000) for name in ("a", "b", "c")]
    messages = lines([*streams, *rows])
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()

    def run(folder: Path) -> int:
        return pooled.run(folder, messages, batch_size_rows=500, run_id=folder.name).exit_code

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(run, folders)) == [0, 0]
    for name in ("a", "b", "c"):
        assert pooled.value(f"select count(*) from raw.{name}") == 50
        assert pooled.value(f"select min(_sdc_lsn) from raw.{name}") == 2950
    assert pooled.value("select sum(rows_in) from raw._sdc_loads") == 18000
