"""Loads that are cut off: by a kill, a signal, a server that goes away, a reader that leaves."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from fixtures.fix_postgres import Database
from mixtape.services.postgres import Postgres
from singer_kit.errors import ExitCode
from target_postgres import database as sessions

from .conftest import Json, Warehouse, lines, record, schema, state

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

SCHEMA = schema(
    "t", {"id": {"type": "integer"}, "v": {"type": "string"}, "_sdc_lsn": {"type": "integer"}}
)
KEYS = 1_500
ROWS = 6_000
EXPECTED = [(key, ROWS - KEYS + key) for key in range(KEYS)]


def messages(start: int = 0, stop: int = ROWS) -> bytes:
    """Return a stream from a bookmark on; its keys come again and again, each time newer."""
    found: list[Json] = [SCHEMA]
    for n in range(start, stop):
        found.append(record("t", id=n % KEYS, v=f"{n} " + "rap\n" * 50, _sdc_lsn=n))
        if n % 100 == 99:
            found.append(state(t={"next": n + 1}))
    return lines(found)


def newest(warehouse: Warehouse) -> list[tuple[int, int]]:
    return [(row["id"], row["_sdc_lsn"]) for row in warehouse.rows("t", "id, _sdc_lsn")]


def committed(warehouse: Warehouse, run: str) -> int:
    """Return how many records the database says a run has brought."""
    try:
        found = f"select rows_in from raw._sdc_loads where run_id = '{run}'"
        return int(warehouse.value(found) or 0)
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return 0


def until(condition: Callable[[], Any], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail("what was waited for did not come")
        time.sleep(0.005)


def feed(loader: subprocess.Popen[bytes], data: bytes) -> None:
    assert loader.stdin
    loader.stdin.write(data)
    loader.stdin.flush()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_commits_what_was_read_prints_it_and_says_that_it_was_not_all(
    warehouse: Warehouse, tmp_path: Path, number: signal.Signals
) -> None:
    loader = warehouse.start(tmp_path, batch_size_rows=1_000)
    feed(loader, messages(0, 2_550))
    until(lambda: committed(warehouse, "run-1") >= 2_000)
    loader.send_signal(number)
    out, err = loader.communicate()
    assert loader.returncode == 128 + number, err
    assert json.loads(out.splitlines()[-1]) == {"bookmarks": {"t": {"next": 2_500}}}
    assert committed(warehouse, "run-1") == 2_550
    assert warehouse.load_row("t")["finished_at"] is None
    assert warehouse.run(tmp_path, messages(2_500), run_id="run-2").exit_code == 0
    assert newest(warehouse) == EXPECTED


def test_a_signal_in_the_middle_of_a_file_of_a_batch_prints_no_state_past_it(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [record("t", id=n, v="x" * 2_000, _sdc_lsn=n)["record"] for n in range(4_000)]
    file.write_bytes(lines(rows))
    batch = {"type": "BATCH", "stream": "t", "encoding": {"format": "jsonl"}}
    warehouse.load(SCHEMA, run_id="run-0")
    with psycopg.connect(warehouse.database.uri) as other:
        # Nothing can be committed, so the file cannot be read to its end.
        other.execute("lock table raw.t in share mode")
        loader = warehouse.start(tmp_path, batch_size_bytes=300_000)
        feed(loader, lines([SCHEMA, batch | {"manifest": [str(file)]}, state(t={"next": 1})]))
        waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
        until(lambda: warehouse.value(waits) == 1)
        loader.send_signal(signal.SIGTERM)
    out, err = loader.communicate()
    assert loader.returncode == 128 + signal.SIGTERM, err
    assert out == b""
    assert 0 < warehouse.value("select count(*) from raw.t") < 4_000
    assert warehouse.load_row("t")["finished_at"] is None


def test_no_state_is_printed_for_rows_that_are_not_committed(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    warehouse.load(SCHEMA)
    with psycopg.connect(warehouse.database.uri) as other:
        other.execute("lock table raw.t in share mode")
        # A batch that is full behind a STATE of its own.
        loader = warehouse.start(tmp_path, batch_size_rows=150, run_id="run-2")
        feed(loader, messages(0, 500))
        waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
        until(lambda: warehouse.value(waits) == 1)
        loader.send_signal(signal.SIGTERM)
        loader.kill()
        out, _ = loader.communicate()
    assert out == b""
    until(lambda: committed(warehouse, "run-2") == 0)


def test_a_reader_that_leaves_ends_the_load(warehouse: Warehouse, tmp_path: Path) -> None:
    loader = warehouse.start(tmp_path, batch_size_rows=100)
    assert loader.stdout
    loader.stdout.close()
    loader.stdout = None
    feed(loader, messages(0, 300))
    _, log = loader.communicate()
    assert loader.returncode == ExitCode.TARGET_WRITE
    assert b"Traceback" not in log
    assert json.loads(log.splitlines()[-1])["extra"]["error"] == "OutputClosedError"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    """A server of this test's own, to be stopped in the middle of something."""
    own = Postgres(tmp_path / "services", durable=False)
    own.start()
    yield own
    own.stop()


def test_a_server_that_restarts_in_the_middle_loses_nothing(
    server: Postgres, tmp_path: Path
) -> None:
    warehouse = Warehouse(Database(server.uri))
    loader = warehouse.start(tmp_path, batch_size_rows=500)
    feed(loader, messages(0, 2_000))
    until(lambda: committed(warehouse, "run-1") >= 1_000)
    server.stop()
    feed(loader, messages(2_000, 4_000))
    server.start()
    out, err = loader.communicate(messages(4_000))
    assert loader.returncode == 0, err
    assert json.loads(out.splitlines()[-1]) == {"bookmarks": {"t": {"next": ROWS}}}
    assert newest(warehouse) == EXPECTED
    assert committed(warehouse, "run-1") == ROWS


def test_a_server_that_stays_away_is_one_clear_line(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "RECONNECT_SECONDS", 0.3)
    warehouse = Warehouse(Database(server.uri))
    assert warehouse.load(SCHEMA, record("t", id=1, v="a", _sdc_lsn=1)).error is None
    server.stop()
    result = warehouse.load(SCHEMA, record("t", id=2, v="b", _sdc_lsn=1))
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert str(result.error).startswith("cannot reach PostgreSQL, mixtape at 127.0.0.1:")
    assert str(warehouse.config["password"]) not in str(result.error)
    assert "\n" not in str(result.error)


def test_a_session_lost_while_it_commits_is_not_written_twice(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream without a key shows it: nothing else would take the same row only once."""
    keyless = schema("t", {"id": {"type": "integer"}}, keys=())
    warehouse.load(keyless)
    real = sessions.Session._attempt
    lost: list[Any] = []

    def commit_and_lose(connection: psycopg.Connection, work: Any) -> Any:
        done = real(connection, work)
        if not lost and connection.execute("select exists (select from raw.t)").fetchone() == (
            True,
        ):
            lost.append(done)
            connection.close()
            raise psycopg.OperationalError("the answer to COMMIT never came")
        return done

    monkeypatch.setattr(sessions.Session, "_attempt", staticmethod(commit_and_lose))
    result = warehouse.load(
        keyless, record("t", id=1), record("t", id=2), state(t=2), run_id="run-2"
    )
    assert lost
    assert result.error is None
    assert result.states == [{"bookmarks": {"t": 2}}]
    assert [row["id"] for row in warehouse.rows("t")] == [1, 2]
    assert warehouse.load_row("t", "run-2")["rows_in"] == 2


def test_a_session_that_the_server_ends_is_replaced(warehouse: Warehouse) -> None:
    """The trigger ends the session of the first insert of the second batch, and only that."""
    warehouse.load(SCHEMA)
    warehouse.execute(
        "create sequence raw.turns;"
        "create function raw.cut() returns trigger language plpgsql as $$ begin"
        " if nextval('raw.turns') = 2 then perform pg_terminate_backend(pg_backend_pid());"
        " perform pg_sleep(5); end if; return null; end $$;"
        "create trigger cut after insert on raw.t for each statement execute function raw.cut()"
    )
    batches = [record("t", id=n, v="a", _sdc_lsn=1) for n in range(3)]
    result = warehouse.load(SCHEMA, *batches, state(t=3), batch_size_rows=1, run_id="run-2")
    assert result.error is None
    assert [row["id"] for row in warehouse.rows("t")] == [0, 1, 2]
    assert warehouse.load_row("t", "run-2")["rows_in"] == 3
