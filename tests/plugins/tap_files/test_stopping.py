"""A run that is stopped, at whatever point, goes on from its state."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.fix_object_store import Store
from fixtures.singer import Output, run_tap
from fixtures.tapped import SONGS, Bucket
from mixtape.services.minio import Minio
from singer_kit.errors import SourceUnreachableError
from tap_files import TapFiles, prefetch, s3, sync
from tap_files.local import LocalStore
from tap_files.s3 import S3Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixtures.tapped import Folder, Tapped
    from tap_files.client import FileObject

TAP = [sys.executable, "-c", "from tap_files import main; main()"]


def lines(count: int, size: int = 0) -> str:
    return "\n".join(json.dumps({"title": f"t{n}", "text": "x" * size}) for n in range(count))


def titles(output: Output) -> list[str]:
    return [record["title"] for record in output.records("songs")]


def start(config: dict[str, Any], folder: Path, state: Any = None) -> subprocess.Popen[bytes]:
    """Start the tap as a process of its own."""
    (folder / "config.json").write_text(json.dumps(config))
    arguments = ["--config", str(folder / "config.json")]
    if state is not None:
        (folder / "state.json").write_text(json.dumps(state))
        arguments += ["--state", str(folder / "state.json")]
    paths = os.pathsep.join(str(path) for path in sys.path if path)
    return subprocess.Popen(
        [*TAP, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
    )


def run(config: dict[str, Any], folder: Path, state: Any = None) -> tuple[int, Output, list[str]]:
    """Run the tap as a process; return its exit code, messages and log lines."""
    process = start(config, folder, state)
    out, err = process.communicate(timeout=120)
    return process.returncode, Output.of(out.splitlines()), err.decode().splitlines()


def test_state_inside_a_large_file_names_a_line(
    files: Tapped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "STATE_SECONDS", 0.0)
    files.put("songs/a.jsonl", lines(2_000))
    whole = files.tap()
    inside = [s for s in whole.states if "in_progress" in s["bookmarks"]["songs"]]
    assert len(inside) >= 7
    for state in inside:
        line = state["bookmarks"]["songs"]["in_progress"]["line"]
        rest = files.tap(json.loads(json.dumps(state)))
        assert titles(rest) == [f"t{n}" for n in range(line, 2_000)]
        (file,) = rest.records("_files")
        assert (file["rows"], file["rejected"]) == (2_000, 0)
        # One version of a file has one number, however many runs it took.
        assert file["_sdc_lsn"] == whole.records("_files")[0]["_sdc_lsn"]


def test_streams_of_one_file_go_on_each_from_its_own_line(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "STATE_SECONDS", 0.0)
    streams = [SONGS, {"name": "later", "prefix": "songs/"}]
    folder.put("songs/a.jsonl", lines(2_000))
    first, second = folder.tap(streams=streams).states[:2]
    mixed = {
        "bookmarks": {**first["bookmarks"], "songs": second["bookmarks"]["songs"]},
    }
    reached = {
        stream: bookmark["in_progress"]["line"] for stream, bookmark in mixed["bookmarks"].items()
    }
    assert reached["later"] < reached["songs"]
    rest = folder.tap(mixed, streams=streams)
    for stream in ("songs", "later"):
        found = [record["_sdc_source_lineno"] for record in rest.records(stream)]
        assert found == list(range(reached[stream] + 1, 2_001))
    assert rest.records("_files")[0]["rows"] == 2_000


def test_state_never_runs_ahead_of_the_records(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "STATE_SECONDS", 0.0)
    for number in range(5):
        folder.put(f"songs/{number}.jsonl", lines(600).replace("t5", f"{number}"))
    written: set[tuple[str, int]] = set()
    for message in folder.tap().messages:
        if message["type"] == "RECORD" and message["stream"] == "songs":
            record = message["record"]
            written.add((record["_sdc_source_file"], record["_sdc_source_lineno"]))
        elif message["type"] == "STATE":
            bookmark = message["value"]["bookmarks"]["songs"]
            promised = {(key, n) for key in bookmark["files"] for n in range(1, 601)}
            if progress := bookmark.get("in_progress"):
                promised |= {(progress["key"], n) for n in range(1, progress["line"] + 1)}
            assert promised == written


def test_a_file_that_changed_while_it_was_in_progress_is_read_from_its_first_line(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "STATE_SECONDS", 0.0)
    folder.put("songs/a.jsonl", lines(1_000))
    state = folder.tap().states[0]
    assert "in_progress" in state["bookmarks"]["songs"]
    folder.put("songs/a.jsonl", '{"title": "new"}')
    assert titles(folder.tap(state)) == ["new"]


def test_a_killed_run_is_made_good_by_the_next(folder: Folder, tmp_path: Path) -> None:
    folder.put("songs/a.jsonl", lines(20_000))
    process = start(folder.config(), tmp_path)
    assert process.stdout
    read = [process.stdout.readline() for _ in range(1_000)]
    process.kill()
    process.communicate()
    assert len(Output.of(read).records("songs")) > 900
    code, output, _ = run(folder.config(), tmp_path)
    assert code == 0
    assert titles(output) == [f"t{n}" for n in range(20_000)]


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_at_a_safe_point(
    folder: Folder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    unbuffered: str,
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    folder.put("songs/a.jsonl", lines(50_000, size=100))
    process = start(folder.config(), tmp_path)
    assert process.stdout
    # The pipe is full behind these: the tap is in the middle of the file.
    head = [process.stdout.readline() for _ in range(10)]
    process.send_signal(number)
    output = Output.of([*head, *process.stdout])
    _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert output.messages[-1]["type"] == "STATE"
    progress = output.state["bookmarks"]["songs"]["in_progress"]
    assert progress["line"] == len(titles(output)) < 50_000
    assert number.name in log.decode()
    _, later, _ = run(folder.config(), tmp_path, output.state)
    assert titles(output) + titles(later) == [f"t{n}" for n in range(50_000)]


def test_a_run_ends_when_its_time_is_over(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        folder.put(f"songs/{number}.yaml", f"title: t{number}")
    clock = iter(range(10_000))
    monkeypatch.setattr("tap_files.sync.time.monotonic", lambda: float(next(clock)))
    state = None
    seen: list[str] = []
    for _ in range(10):
        output = folder.tap(state, max_run_seconds=2)
        state = output.state
        seen += titles(output)
    assert seen == ["t0", "t1", "t2"]


def test_a_file_removed_after_it_was_listed_is_left_to_the_next_run(
    s3: Bucket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in "abc":
        s3.put(f"songs/{name}.yaml", f"title: {name}")
    once = iter([lambda: s3.delete("songs/b.yaml")])
    after_listing(monkeypatch, once)
    output = s3.tap()
    assert sorted(titles(output)) == ["a", "c"]
    assert "songs/b.yaml: removed after it was listed" in caplog.text
    assert "songs/b.yaml" not in output.state["bookmarks"]["songs"]["files"]
    s3.put("songs/b.yaml", "title: b")
    assert titles(s3.tap(output.state)) == ["b"]


@pytest.mark.parametrize("large", [False, True])
def test_a_file_changed_after_it_was_listed_is_never_read_under_the_old_etag(
    s3: Bucket, monkeypatch: pytest.MonkeyPatch, *, large: bool
) -> None:
    if large:
        monkeypatch.setattr(prefetch, "LARGE_BYTES", 1)
    s3.put("songs/a.yaml", "title: old")
    after_listing(monkeypatch, iter([lambda: s3.put("songs/a.yaml", "title: new")]))
    first = s3.tap()
    assert titles(first) == []
    second = s3.tap(first.state)
    assert titles(second) == ["new"]
    head = s3.store.client.head_object(Bucket=s3.bucket, Key="songs/a.yaml")
    assert f'"{second.records("songs")[0]["_sdc_source_etag"]}"' == head["ETag"]


def test_a_local_file_written_to_while_it_is_read_is_left_to_the_next_run(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefetch, "LARGE_BYTES", 1)
    folder.put("songs/a.jsonl", lines(10))
    stream = LocalStore.stream

    def write_inside(self: LocalStore, obj: FileObject) -> Iterator[bytes]:
        for chunk in stream(self, obj):
            folder.put("songs/a.jsonl", lines(11))
            yield chunk

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "stream", write_inside)
        state = folder.tap().state
    assert state["bookmarks"]["songs"]["files"] == {}
    assert len(titles(folder.tap(state))) == 11


def test_a_server_that_goes_away_ends_the_run_with_what_was_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "ATTEMPTS", 2)
    service = Minio(tmp_path)
    service.start()
    try:
        store = Store(service)
        store.client.create_bucket(Bucket="alone")
        bucket = Bucket(store, "alone")
        bucket.put("songs/a.yaml", "title: small")
        bucket.put("songs/b.jsonl", lines(20_000, size=1_000))
        stream = S3Store.stream

        def stop_inside(self: S3Store, obj: FileObject) -> Iterator[bytes]:
            for number, chunk in enumerate(stream(self, obj)):
                yield chunk
                if number == 1:
                    service.stop()

        with monkeypatch.context() as patch:
            patch.setattr(S3Store, "stream", stop_inside)
            output = run_tap(TapFiles, bucket.config())
        assert isinstance(output.error, SourceUnreachableError)
        assert "\n" not in str(output.error)
        assert list(output.state["bookmarks"]["songs"]["files"]) == ["songs/a.yaml"]
        service.start()
        bucket.store = Store(service)
        rest = bucket.tap(output.state)
        assert titles(rest) == [f"t{n}" for n in range(20_000)]
    finally:
        service.stop()


def test_a_server_that_comes_back_is_read_on_from_the_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Minio(tmp_path)
    service.start()
    try:
        store = Store(service)
        store.client.create_bucket(Bucket="alone")
        bucket = Bucket(store, "alone")
        bucket.put("songs/b.jsonl", lines(20_000, size=1_000))
        stream = S3Store.stream

        def restart_inside(self: S3Store, obj: FileObject) -> Iterator[bytes]:
            for number, chunk in enumerate(stream(self, obj)):
                yield chunk
                if number == 1:
                    service.stop()
                    service.start()

        monkeypatch.setattr(S3Store, "stream", restart_inside)
        assert titles(bucket.tap()) == [f"t{n}" for n in range(20_000)]
    finally:
        service.stop()


def after_listing(monkeypatch: pytest.MonkeyPatch, actions: Iterator[Any]) -> None:
    """Do something between the listing and the first read."""
    listing = S3Store.list_objects

    def list_then_act(self: S3Store, prefix: str) -> Any:
        found = listing(self, prefix)
        for action in actions:
            action()
        return found

    monkeypatch.setattr(S3Store, "list_objects", list_then_act)
