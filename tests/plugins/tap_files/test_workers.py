"""Files read by several processes: the same messages in the same order as by one."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from fixtures.singer import run_tap
from fixtures.tapped import SONGS
from fixtures.written import as_csv, as_parquet, as_yaml
from tap_files import TapFiles, portions, prefetch, sync
from tap_files.workers import Workers

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.singer import Message, Output
    from fixtures.tapped import Folder, Tapped

SONG = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "plays": {"type": "integer"}},
    "required": ["title"],
}
STREAMS = [
    {**SONGS, "schema": SONG},
    {"name": "credits", "prefix": "songs/", "key_properties": ["title"], "explode": "by"},
]


def line(rng: random.Random, number: int) -> bytes:
    """Return a line, now and then one that a run must not take as it is."""
    song: dict[str, Any] = {"title": f"t{number}", "plays": number}
    if rng.random() < 0.5:
        song["by"] = [{"who": "é" * rng.randrange(3)} for _ in range(rng.randrange(3))]
    text = json.dumps(song, ensure_ascii=rng.random() < 0.5)
    odd = ("", "{", '{"a":1,"a":2}', "[]", '{"plays":1}', f'{{"title":"x{number}","mood":"low"}}')
    return (rng.choice(odd) if rng.random() < 0.02 else text).encode()


def song_files(seed: int) -> dict[str, bytes]:
    """Return files of every kind: small, large, compressed, cut off, empty."""
    rng = random.Random(seed)
    rows = [{"title": f"c{n}", "plays": n} for n in range(50)]
    files = {
        "songs/z.yaml": as_yaml(rows),
        "songs/y.csv": as_csv(rows),
        "songs/x.parquet": as_parquet(rows),
        "songs/w.yaml": b"title: [",
        "songs/v.jsonl": b"",
    }
    for number in range(6):
        lines = [line(rng, number * 1000 + n) for n in range(rng.randrange(600))]
        body = b"\n".join(lines) + rng.choice([b"", b"\n"])
        files[f"songs/{number}.jsonl"] = b"\xef\xbb\xbf" * rng.randrange(2) + body
        packed = gzip.compress(body)
        cut = len(packed) - 12 if number % 2 else len(packed)
        files[f"songs/{number}.jsonl.gz"] = packed[:cut]
    return files


def told(output: Output) -> list[Message]:
    """Return what a run said, without when it was said."""
    said: list[Message] = json.loads(
        json.dumps([m for m in output.messages if m["type"] != "STATE"])
    )
    for message in said:
        message.pop("time_extracted", None)
        for name in ("_sdc_lsn", "_sdc_rejected_at", "seen_at"):
            message.get("record", {}).pop(name, None)
    return said


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sizes", [(1, 700), (2**23, 900), (2**23, 2**20)])
def test_several_processes_say_what_one_says(
    files: Tapped,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    seed: int,
    sizes: tuple[int, int],
) -> None:
    large_bytes, block_bytes = sizes
    for key, body in song_files(seed).items():
        files.put(key, body)
    monkeypatch.setattr(prefetch, "LARGE_BYTES", large_bytes)
    monkeypatch.setattr(portions, "BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(sync, "BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(sync, "MIN_PARALLEL_BYTES", 0)
    outputs, counted = [], []
    for count in (0, 3):
        monkeypatch.setattr(sync, "worker_count", lambda count=count: count)
        caplog.clear()
        outputs.append(files.tap(streams=STREAMS, max_rejected_ratio=1))
        counted.append([m for m in caplog.messages if "METRIC" in m and "seconds" not in m])
    alone, together = outputs
    assert len(told(alone)) > 500
    assert told(together) == told(alone)
    assert [m for m in counted[1] if "duration" not in m] == [
        m for m in counted[0] if "duration" not in m
    ]
    assert any("unknown_fields" in m for m in counted[0])
    assert together.counts()["songs__rejected"] == alone.counts()["songs__rejected"] > 0


def test_a_large_file_goes_on_behind_a_line_that_a_state_names(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.put("songs/a.jsonl", "\n".join(json.dumps({"title": str(n)}) for n in range(2000)))
    monkeypatch.setattr(prefetch, "LARGE_BYTES", 1)
    monkeypatch.setattr(portions, "BLOCK_BYTES", 5000)
    monkeypatch.setattr(sync, "BLOCK_BYTES", 5000)
    monkeypatch.setattr(sync, "MIN_PARALLEL_BYTES", 0)
    monkeypatch.setattr(sync, "STATE_SECONDS", 0.0)
    monkeypatch.setattr(sync, "worker_count", lambda: 2)
    output = folder.tap()
    records = 0
    lines = []
    for message in output.messages:
        records += message["type"] == "RECORD" and message["stream"] == "songs"
        if message["type"] == "STATE":
            lines.append(message["value"]["bookmarks"]["songs"].get("in_progress", {}).get("line"))
            assert lines[-1] in (records, None)
    assert len(lines) > 5
    state = output.states[3]
    done = state["bookmarks"]["songs"]["in_progress"]["line"]
    rest = [song["title"] for song in folder.tap(state).records("songs")]
    assert rest == [str(n) for n in range(done, 2000)]


def test_a_ratio_of_rejects_ends_several_processes_where_it_ends_one(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [json.dumps({"title": str(n)}) for n in range(8000)]
    lines[3000::10] = ["{"] * 500
    folder.put("songs/a.jsonl", "\n".join(lines))
    monkeypatch.setattr(prefetch, "LARGE_BYTES", 1)
    monkeypatch.setattr(portions, "BLOCK_BYTES", 5000)
    monkeypatch.setattr(sync, "BLOCK_BYTES", 5000)
    monkeypatch.setattr(sync, "MIN_PARALLEL_BYTES", 0)
    outputs = []
    for count in (0, 3):
        monkeypatch.setattr(sync, "worker_count", lambda count=count: count)
        outputs.append(
            run_tap(TapFiles, folder.config(streams=STREAMS[:1], max_rejected_ratio=0.04))
        )
    alone, together = outputs
    assert type(alone.error) is type(together.error) is not type(None)
    assert str(together.error) == str(alone.error)
    assert told(together) == told(alone)


def test_results_come_in_order_and_what_has_no_task_in_its_turn() -> None:
    workers: Workers[int, int] = Workers(2, lambda number: number * 2)
    items = [(n, None if n % 5 == 0 else n) for n in range(40)]
    assert list(workers.map(items)) == [(n, None if n % 5 == 0 else n * 2) for n in range(40)]
    workers.close()
    assert not any(process.is_alive() for process in workers.processes)


def test_work_that_fails_or_is_left_has_no_result_and_the_next_is_done() -> None:
    workers: Workers[int, int] = Workers(2, lambda number: 6 // number)
    assert list(workers.map((n, n) for n in (1, 0, 2))) == [(1, 6), (0, None), (2, 3)]
    left = workers.map((n, n) for n in (1, 2, 3))
    assert next(left) == (1, 6)
    left.close()
    assert list(workers.map((n, n) for n in (3, 6))) == [(3, 2), (6, 1)]
    workers.close()


def test_workers_that_die_cost_only_their_results() -> None:
    def work(number: int) -> int:
        if number in (2, 5):
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    workers = Workers(2, work)
    found = list(workers.map((n, n) for n in range(10)))
    assert [item for item, _ in found] == list(range(10))
    assert {result for _, result in found} <= {None, 0, 1, 3, 4, 6, 7, 8, 9}
    assert dict(found)[0] == 0
    assert dict(found)[9] is None
    assert list(workers.map([("later", 1)])) == [("later", None)]
    workers.close()


def test_a_run_goes_on_without_its_workers(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        folder.put(f"songs/{number:02}.jsonl", json.dumps({"title": str(number)}))
    monkeypatch.setattr(sync, "MIN_PARALLEL_BYTES", 0)
    monkeypatch.setattr(sync, "worker_count", lambda: 2)

    def deadly(*_: Any) -> Any:
        return lambda _task: os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(sync, "work_of", deadly)
    titles = [song["title"] for song in folder.tap().records("songs")]
    assert titles == [str(number) for number in range(30)]


def test_a_killed_run_leaves_no_process(folder: Folder, tmp_path: Path) -> None:
    body = b"".join(b'{"title": "%d"}\n' % n for n in range(1_000_000))
    folder.put("songs/a.jsonl", body)
    (tmp_path / "config.json").write_text(json.dumps(folder.config()))
    code = "from tap_files import main, sync; sync.worker_count = lambda: 2; main()"
    run = subprocess.Popen(
        [sys.executable, "-c", code, "--config", str(tmp_path / "config.json")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert run.stdout
    while b'"RECORD"' not in run.stdout.readline():
        pass
    workers = psutil.Process(run.pid).children()
    assert len(workers) == 2
    run.kill()
    run.wait()
    gone, alive = psutil.wait_procs(workers, timeout=60)
    assert (len(gone), alive) == (2, [])
    run.stdout.close()
