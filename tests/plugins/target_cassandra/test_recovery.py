"""Loads that are cut off: by a kill, a signal, a reader that leaves."""

from __future__ import annotations

import json
import random
import signal
from typing import TYPE_CHECKING, Any

import pytest

from singer_kit.errors import ExitCode

from .conftest import Json, Serving, lines, record, schema, state, until

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

SCHEMA = schema(
    "t",
    {
        "id": {"type": "integer"},
        "shelf": {"type": "string"},
        "text": {"type": "string"},
        "_sdc_lsn": {"type": "integer"},
    },
)
TABLES: list[Json] = [
    {"stream": "t", "table": "by_id", "partition_key": ["id"], "columns": ["shelf", "_sdc_lsn"]},
    {
        "stream": "t",
        "table": "by_shelf",
        "partition_key": ["shelf"],
        "clustering_key": [{"name": "id"}],
        "columns": ["text", "_sdc_lsn"],
    },
]
SHELVES = 97


def message(n: int, keys: int) -> Json:
    """Return record ``n``: keys come again and again, each time newer and on another shelf."""
    return record("t", id=n % keys, shelf=f"s{n * 7 % SHELVES}", text="rap " * 50, _sdc_lsn=n + 1)


def messages(start: int, stop: int, keys: int) -> bytes:
    found: list[Json] = [SCHEMA]
    for n in range(start, stop):
        found.append(message(n, keys))
        if n % 100 == 99:
            found.append(state(t={"next": n + 1}))
    return lines(found)


def newest(rows: int, keys: int) -> list[tuple[int, str, int]]:
    """Return what both tables must hold: key, shelf and version."""
    last = [message(n, keys)["record"] for n in range(rows - keys, rows)]
    return sorted((one["id"], one["shelf"], one["_sdc_lsn"]) for one in last)


def held(serving: Serving, table: str) -> list[tuple[int, str, int]]:
    return sorted((row["id"], row["shelf"], row["_sdc_lsn"]) for row in serving.rows(table))


def position(out: bytes, before: int) -> int:
    """Return where the next run takes up: behind the last STATE that was printed whole."""
    printed = [line for line in out.splitlines(keepends=True) if line.endswith(b"\n")]
    found: int = json.loads(printed[-1])["bookmarks"]["t"]["next"] if printed else before
    return found


def rounds(serving: Serving, folder: Path, *, count: int, rows: int, keys: int) -> None:
    """Cut off a load again and again, with either signal, until it is through; then compare."""
    dice = random.Random(7)
    serving.load(SCHEMA, tables=TABLES)
    config: dict[str, Any] = {"tables": TABLES, "batch_size_rows": 2_000, "lock_seconds": 4}
    at = written = 0
    for number in range(count + 1):
        source = folder / f"round-{number}"
        source.write_bytes(messages(at, rows, keys))
        with source.open("rb") as opened:
            loader = serving.start(folder, opened, **config)
        if number < count:
            stop = signal.SIGKILL if number % 2 else signal.SIGTERM
            # The signal comes with a record that no round before has written.
            far = max(at, written)
            n = min(rows - 1, far + dice.randrange(1, 2 + 2 * (rows - far) // (count - number)))
            one = message(n, keys)["record"]
            where = f"WHERE shelf = '{one['shelf']}' AND id = {one['id']}"

            def is_there(n: int = n, where: str = where) -> bool:
                found = serving.rows("by_shelf", '"_sdc_lsn" AS lsn', where)
                return any(row["lsn"] > n for row in found)

            until(lambda: loader.poll() is not None or is_there(), 120)  # noqa: B023 - called here and now
            loader.send_signal(stop)
        out, err = loader.communicate()
        assert loader.returncode in (0, -signal.SIGKILL, 128 + signal.SIGTERM), err[-2000:]
        at = position(out, at)
        # What is acknowledged is there: the newest of each key up to the STATE, or newer.
        versions = {key: lsn for key, _, lsn in held(serving, "by_id")}
        for n in range(max(0, at - keys), at):
            assert versions[n % keys] >= n + 1
        written = max(versions.values(), default=0)
    assert at == rows
    assert held(serving, "by_id") == newest(rows, keys)
    assert held(serving, "by_shelf") == newest(rows, keys)


def test_cut_off_at_any_moment_reruns_end_in_the_same_tables(
    serving: Serving, tmp_path: Path
) -> None:
    rounds(serving, tmp_path, count=2, rows=20_000, keys=2_000)


@pytest.mark.long
def test_cut_off_thirty_times_in_a_large_load(serving: Serving, tmp_path: Path) -> None:
    rounds(serving, tmp_path, count=30, rows=200_000, keys=20_000)


def feed(loader: subprocess.Popen[bytes], data: bytes) -> None:
    assert loader.stdin
    loader.stdin.write(data)
    loader.stdin.flush()


def test_a_signal_writes_what_was_read_prints_it_and_says_that_it_was_not_all(
    serving: Serving, tmp_path: Path
) -> None:
    serving.load(SCHEMA, tables=TABLES)
    loader = serving.start(tmp_path, tables=TABLES)
    feed(loader, messages(0, 2_550, 5_000))
    until(lambda: serving.rows("by_id", "id", "LIMIT 1"))
    loader.send_signal(signal.SIGTERM)
    out, err = loader.communicate()
    assert loader.returncode == 128 + signal.SIGTERM, err
    rows = len(serving.rows("by_id"))
    assert 0 < rows == len(serving.rows("by_shelf"))
    assert json.loads(out.splitlines()[-1]) == {"bookmarks": {"t": {"next": rows // 100 * 100}}}
    assert serving.rows("sdc_locks") == []


def test_a_reader_that_leaves_ends_the_load(serving: Serving, tmp_path: Path) -> None:
    loader = serving.start(tmp_path, tables=TABLES[:1], batch_size_rows=100)
    assert loader.stdout
    loader.stdout.close()
    loader.stdout = None
    feed(loader, messages(0, 300, 300))
    _, log = loader.communicate()
    assert loader.returncode == ExitCode.TARGET_WRITE
    assert b"Traceback" not in log
    assert json.loads(log.splitlines()[-1])["extra"]["error"] == "OutputClosedError"


def test_batches_are_small_enough_that_no_server_warns(serving: Serving, tmp_path: Path) -> None:
    sizes = [1, 40, 400, 4_000, 12_000]
    songs = [
        record("t", id=n, shelf=f"s{n % 7}", text="x" * sizes[n % 5], _sdc_lsn=1)
        for n in range(600)
    ]
    tables = [*TABLES, {"stream": "t", "table": "whole", "partition_key": ["id"]}]
    result = serving.run(tmp_path, lines([SCHEMA, *songs, state(t=1)]), tables=tables)
    assert result.exit_code == 0, result.log
    assert result.states == [{"bookmarks": {"t": 1}}]
    assert "Cassandra warns" not in result.log
    assert len(serving.rows("whole")) == 600
    crowded = serving.run(tmp_path, lines([SCHEMA, *songs]), tables=tables, max_batch_bytes=30_000)
    assert "Cassandra warns" in crowded.log
