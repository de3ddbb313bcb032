"""A load that is killed anywhere, and goes on from the last STATE it printed, loses nothing.

Two streams take turns, each with a position of its own in the STATE. Keys come back with newer
versions, some rows are partial, some are deletes. What is compared is what an undisturbed load
of the same messages leaves, and ``_sdc_loads`` must add up to it.
"""

from __future__ import annotations

import json
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .conftest import Json, Warehouse, lines, record, schema, state

if TYPE_CHECKING:
    import subprocess

SCHEMAS = [
    schema(
        name,
        {
            "id": {"type": "integer"},
            "v": {"type": ["string", "null"]},
            "doc": {"type": ["object", "null"]},
            "_sdc_lsn": {"type": "integer"},
        },
    )
    for name in ("t", "u")
]
STATE_EVERY = 500
MOST_SECONDS = 600


@cache
def rows(count: int) -> list[tuple[str, bytes]]:
    """Return the stream and the line of each record; two of three are of stream t."""
    found = []
    for n in range(count):
        stream, key = ("u" if n % 3 == 0 else "t"), n * 7 % (count // 3)
        fields: Json = {"id": key, "_sdc_lsn": n}
        if stream == "t" or n % 2:
            fields["v"] = f"line {n}\nrap \\ \t {'é' * (n % 30)}"
        if n % 5:
            fields["doc"] = {"n": n}
        if stream == "u" and n % 4 == 0:
            fields["_sdc_deleted_at"] = "2024-05-01T00:00:00Z"
        found.append((stream, lines([record(stream, **fields)])))
    return found


def messages(count: int, position: Json) -> bytes:
    """Return what a tap sends from a STATE on; each stream goes on from its own place."""
    found = [lines(SCHEMAS)]
    for n, (stream, line) in enumerate(rows(count)):
        if n >= position[stream]:
            found.append(line)
        if n % STATE_EVERY == STATE_EVERY - 1 and n >= min(position.values()):
            found.append(lines([state(**{name: max(n + 1, at) for name, at in position.items()})]))
    return b"".join(found)


def contents(warehouse: Warehouse) -> list[tuple[int, str]]:
    """Return how many rows each table has, and a sum over all their business columns."""
    return [
        (
            warehouse.value(f"select count(*) from raw.{name}"),
            warehouse.value(
                "select md5(string_agg((id, v, doc, _sdc_lsn, _sdc_deleted_at is not null)::text,"
                f" '|' order by id)) from raw.{name}"
            ),
        )
        for name in ("t", "u")
    ]


def read_bytes(process: subprocess.Popen[bytes]) -> int:
    """Return how far a process is in the file that is its standard input."""
    try:
        place = Path(f"/proc/{process.pid}/fdinfo/0").read_text(encoding="ascii")
    except FileNotFoundError:
        return 0
    return int(place.split()[1])


def kill_at(process: subprocess.Popen[bytes], place: int) -> tuple[bytes, bytes]:
    """Kill a load as soon as it has read so many bytes; returns what it had printed."""
    deadline = time.monotonic() + MOST_SECONDS
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(process.communicate)
        while read_bytes(process) < place and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        process.kill()
        return ended.result()


def play(warehouse: Warehouse, folder: Path, count: int, seed: int, expected: object) -> None:
    """Load ``count`` records, killed up to three times on the way."""
    dice = random.Random(seed)
    source = folder / "messages"
    position = {"t": 0, "u": 0}
    batch = dice.choice([count // 100, count // 10, count])
    for number in range(dice.randint(1, 3)):
        source.write_bytes(messages(count, position))
        run_id = f"killed-{number}"
        with source.open("rb") as opened:
            loader = warehouse.start(folder, opened, run_id=run_id, batch_size_rows=batch)
        printed, log = kill_at(loader, dice.randint(1, source.stat().st_size))
        assert loader.returncode in (0, -signal.SIGKILL), log
        whole = [line for line in printed.splitlines(keepends=True) if line.endswith(b"\n")]
        if whole:
            position = json.loads(whole[-1])["bookmarks"]
    started = dict(position)
    last = warehouse.run(folder, messages(count, position), batch_size_rows=batch, run_id="last")
    assert last.exit_code == 0, last.log
    assert contents(warehouse) == expected, seed
    check_loads(warehouse, count, started)


def check_loads(warehouse: Warehouse, count: int, started: Json) -> None:
    """Check that the rows of all runs in ``_sdc_loads`` add up to the tables."""
    loads = warehouse.rows("_sdc_loads")
    for name in ("t", "u"):
        sent = [n for n, (stream, _) in enumerate(rows(count)) if stream == name]
        mine = [load for load in loads if load["stream"] == name]
        (last,) = [load for load in mine if load["run_id"] == "last"]
        assert last["rows_in"] == sum(n >= started[name] for n in sent)
        assert last["finished_at"]
        assert last["state"]["bookmarks"][name] == count
        assert sum(load["rows_in"] for load in mine) >= len(sent)
        assert max(load["last_lsn"] or 0 for load in mine) == sent[-1]
        for load in mine:
            changed = load["rows_inserted"] + load["rows_updated"] + load["rows_deleted"]
            assert changed + load["rows_stale"] <= load["rows_in"]
    # Without deletes each row of the table was inserted once, by one of the runs.
    inserted = sum(load["rows_inserted"] for load in loads if load["stream"] == "t")
    assert inserted == warehouse.value("select count(*) from raw.t")


def undisturbed(warehouse: Warehouse, folder: Path, count: int) -> object:
    result = warehouse.run(folder, messages(count, {"t": 0, "u": 0}))
    assert result.exit_code == 0, result.log
    found = contents(warehouse)
    warehouse.execute("drop schema raw cascade")
    return found


def test_killed_anywhere_a_rerun_from_the_last_state_ends_in_the_same_tables(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    expected = undisturbed(warehouse, tmp_path, 20_000)
    for seed in range(3):
        play(warehouse, tmp_path, 20_000, seed, expected)
        warehouse.execute("drop schema raw cascade")


@pytest.mark.long
def test_killed_anywhere_in_300000_rows_50_times(warehouse: Warehouse, tmp_path: Path) -> None:
    expected = undisturbed(warehouse, tmp_path, 300_000)
    for seed in range(100, 150):
        play(warehouse, tmp_path, 300_000, seed, expected)
        warehouse.execute("drop schema raw cascade")
