"""Memory does not grow with the number of rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .conftest import lines, schema, state

if TYPE_CHECKING:
    from .conftest import Warehouse

PLAY = schema(
    "plays",
    {
        "id": {"type": "integer"},
        "client": {"type": ["string", "null"]},
        "duration_ms": {"type": ["integer", "null"]},
        "_sdc_lsn": {"type": "integer"},
    },
)
ROW = (
    b'{"type":"RECORD","stream":"plays","record":'
    b'{"id":%d,"client":"web","duration_ms":42107,"_sdc_lsn":1750000000000000}}\n'
)
BLOCK = 10_000


@pytest.mark.parametrize(
    "rows", [300_000, pytest.param(10_000_000, marks=pytest.mark.long)], ids="{:,}".format
)
def test_any_number_of_rows_takes_less_than_200_mb(
    warehouse: Warehouse, tmp_path: Path, rows: int
) -> None:
    with warehouse.start(tmp_path) as process, ThreadPoolExecutor(2) as readers:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        read = [readers.submit(pipe.read) for pipe in (process.stdout, process.stderr)]
        process.stdin.write(lines([PLAY]))
        for first in range(0, rows, BLOCK):
            process.stdin.write(b"".join(ROW % number for number in range(first, first + BLOCK)))
            process.stdin.write(lines([state(plays=first)]))
        process.stdin.flush()
        peak = _peak_megabytes(process.pid)
        process.stdin.close()
    assert process.returncode == 0, read[1].result()
    assert warehouse.rows("plays", "count(*)") == [{"count": rows}]
    assert peak < 200


def _peak_megabytes(pid: int) -> float:
    """Return the largest resident set of a running process, as the kernel remembers it."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024
