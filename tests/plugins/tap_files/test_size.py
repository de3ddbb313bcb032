"""Very many files and very large ones: memory, state and time that do not grow with them."""

from __future__ import annotations

import base64
import contextlib
import gzip
import itertools
import json
import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from fixtures.tapped import SONGS

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.tapped import Bucket, Tapped

# The tap over a listing that is made while it is read; what `read` gives costs no request.
LISTING = """
import json, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tap_files import TapFiles
from tap_files.client import FileObject, Listing

count, gone, changed = json.loads(sys.argv[1])
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

class Store:
    bucket = "made"

    def list_objects(self, prefix):
        return Listing(self.objects(prefix), BEGIN + timedelta(days=1000))

    def objects(self, prefix):
        for number in range(count):
            key = f"songs/{number:08}.jsonl"
            if number not in gone and key.startswith(prefix):
                etag = f"{number:032}" if number not in changed else "put back"
                yield FileObject(BEGIN + timedelta(seconds=number * 7919 % 10**6), key, etag, 20)

    def read(self, obj):
        return b'{"title": "%s"}' % obj.key.encode()

TapFiles.connect = lambda self, settings: Store()
config, state = json.loads(sys.argv[2]), Path(sys.argv[3])
given = json.loads(state.read_text()) if state.exists() else None
TapFiles(config=config, state=given).sync_all()
peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
print(peak, file=sys.stderr)
"""
WATCHED = """
import sys
from pathlib import Path
from tap_files import main, sync
sync.STATE_SECONDS = 0.1
try:
    main()
finally:
    peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    print(peak, file=sys.stderr)
"""
MEGABYTES = 200


def run_listing(
    folder: Path, count: int, gone: list[int], changed: list[int]
) -> tuple[list[dict[str, Any]], int]:
    """Run the tap over ``count`` files; return its records but for the first run's, and MB."""
    config = {"bucket": "made", "streams": [SONGS], "detect_deletes": "off"}
    state = folder / "state.json"
    is_first = not state.exists()
    out = folder / "out"
    with out.open("wb") as stdout:
        done = subprocess.run(
            [
                *(sys.executable, "-c", LISTING),
                *(json.dumps([count, gone, changed]), json.dumps(config), str(state)),
            ],
            stdout=stdout,
            stderr=subprocess.PIPE,
            check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    records = []
    with out.open("rb") as lines:
        for line in lines:
            if line.startswith(b'{"type":"STATE"'):
                last = line
            elif line.startswith(b'{"type":"RECORD"') and not is_first:
                records.append(json.loads(line))
    value = json.loads(last)["value"]
    state.write_text(json.dumps(value))
    return records, int(done.stderr.split()[-1]) // 1024


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("count", [30_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_any_number_of_files_takes_the_same_memory_and_state(tmp_path: Path, count: int) -> None:
    _, first = run_listing(tmp_path, count, [], [])
    assert first < MEGABYTES
    assert (tmp_path / "state.json").stat().st_size < 2_000_000
    quiet, peak = run_listing(tmp_path, count, [], [])
    assert quiet == []
    assert peak < MEGABYTES
    gone, changed = [1, count // 2, count - 1], [2, count // 3]
    records, peak = run_listing(tmp_path, count, gone, changed)
    assert peak < MEGABYTES
    songs = [m["record"]["title"] for m in records if m["stream"] == "songs"]
    assert sorted(songs) == sorted(f"songs/{number:08}.jsonl" for number in changed)
    files = [m["record"] for m in records if m["stream"] == "_files" and m["record"]["deleted_at"]]
    assert [record["key"] for record in files] == [f"songs/{number:08}.jsonl" for number in gone]
    assert run_listing(tmp_path, count, gone, changed)[0] == []


def megabytes_of(pid: int) -> int:
    """Return the memory of a process and its workers; what they share counts once.

    What has ended holds none: the last lines of a pipe outlive those who wrote them.
    """
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        for one in (psutil.Process(pid), *psutil.Process(pid).children()):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += one.memory_full_info().pss
    return int(total // 2**20)


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("megabytes", [12, pytest.param(500, marks=pytest.mark.long)])
def test_a_killed_run_goes_on_at_its_line_in_a_large_compressed_file(
    s3: Bucket, tmp_path: Path, megabytes: int
) -> None:
    path = tmp_path / "songs.jsonl.gz"
    rng = random.Random(1)
    lines = 0
    with gzip.open(path, "wb", compresslevel=1) as file:
        while path.stat().st_size < megabytes * 2**20:
            for _ in range(1_000):
                text = base64.b64encode(rng.randbytes(1_500)).decode()
                file.write(b'{"title": "t%d", "text": "%s"}\n' % (lines, text.encode()))
                lines += 1
    s3.store.client.upload_file(str(path), s3.bucket, "songs/large.jsonl.gz")
    (tmp_path / "config.json").write_text(json.dumps(s3.config()))
    command = [sys.executable, "-c", WATCHED, "--config", str(tmp_path / "config.json")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    state: dict[str, Any] = {}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env
    ) as killed:
        assert killed.stdout
        for line in killed.stdout:
            if b'"in_progress"' in line:
                state = json.loads(line)["value"]
                break
        killed.kill()
    reached = state["bookmarks"]["songs"]["in_progress"]["line"]
    assert 0 < reached < lines
    (tmp_path / "state.json").write_text(json.dumps(state))
    command += ["--state", str(tmp_path / "state.json")]
    expected = reached
    peak = 0
    with (
        (tmp_path / "err").open("wb") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, env=env) as process,
    ):
        assert process.stdout
        for line in process.stdout:
            if line.startswith(b'{"type":"RECORD","stream":"songs"'):
                expected += 1
                assert b'"_sdc_source_lineno":%d,' % expected in line[-400:]
                if expected % 1_000 == 0:
                    peak = max(peak, megabytes_of(process.pid))
    assert process.returncode == 0
    assert expected == lines
    assert 0 < peak < MEGABYTES
    assert int((tmp_path / "err").read_text().split()[-1]) // 1024 < MEGABYTES


def test_a_time_limit_ends_a_run_inside_a_file_and_the_next_goes_on(
    files: Tapped, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 5_000
    files.put("songs/a.jsonl", "".join(f'{{"title":"t{number}"}}\n' for number in range(count)))
    clock = itertools.count()
    monkeypatch.setattr("tap_files.sync.time.monotonic", lambda: float(next(clock)))
    seen: list[str] = []
    state = None
    runs = 0
    while len(seen) < count:
        output = files.tap(state, max_run_seconds=10)
        state = output.state
        assert output.messages[-1]["type"] == "STATE"
        assert output.records("songs")
        seen += [record["title"] for record in output.records("songs")]
        runs += 1
    assert seen == [f"t{number}" for number in range(count)]
    assert runs > 1
