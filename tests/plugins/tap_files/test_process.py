"""The tap as a process: exit codes, what goes to which output, memory, what it says of itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.singer import Output

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.tapped import Bucket, Folder

SECRET = "do-not-say-this"
# The peak of this program alone: getrusage() would count the process that it was forked from.
CODE = """
import sys
from pathlib import Path
from tap_files import main
try:
    main()
finally:
    peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    print(peak, file=sys.stderr)
"""


def run(
    config: Any, folder: Path, *arguments: str, **environment: str
) -> tuple[int, bytes, list[str]]:
    """Run the tap to its end; return exit code, output and log lines."""
    (folder / "config.json").write_text(json.dumps(config))
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from tap_files import main; main()"),
            *("--config", str(folder / "config.json"), *arguments),
        ],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": paths, **environment},
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.decode().splitlines()


def test_a_good_run_exits_0_with_messages_on_stdout_and_json_on_stderr(
    folder: Folder, tmp_path: Path
) -> None:
    folder.put("songs/a.yaml", "title: text of a song\n---\ntitle: [")
    folder.put("songs/b.yaml", "title: text of a song")
    code, out, log = run(folder.config(), tmp_path)
    assert code == 0
    output = Output.of(out.splitlines())
    assert {message["type"] for message in output.messages} == {"SCHEMA", "RECORD", "STATE"}
    lines = [json.loads(line) for line in log]
    assert "text of a song" not in "".join(log)
    metrics = {
        (line["metric_info"]["metric"], line["metric_info"]["tags"].get("stream")): line[
            "metric_info"
        ]["value"]
        for line in lines
        if line.get("metric_info")
    }
    assert metrics["record_count", "songs"] == 1
    assert metrics["records_rejected", "songs"] == 1
    assert metrics["files_read", None] == 2
    assert metrics["bytes_read", None] > 50
    assert metrics["lag_seconds", "songs"] >= 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"protocol": "ftp"}, "'protocol'"),
        ({"streams": "songs"}, "'streams'"),
        ({"aws_secret_access_key": [SECRET]}, "'aws_secret_access_key': must be"),
        ({"streams": [{"prefix": "x"}]}, "'name' is a required property"),
    ],
)
def test_a_wrong_setting_exits_2_and_is_named(
    folder: Folder, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    code, out, log = run({**folder.config(), **change}, tmp_path)
    assert (code, out) == (2, b"")
    last = json.loads(log[-1])
    assert last["extra"]["error"] == "ConfigError"
    assert said in last["message"]
    assert SECRET not in "".join(log)


@pytest.mark.parametrize("key", ["songs/seen.yaml", "songs/b.txt", "other/c.yaml"])
def test_a_stream_without_any_file_exits_3_after_the_others_where_settings_say_so(
    folder: Folder, tmp_path: Path, key: str
) -> None:
    streams = [
        {"name": "songs", "prefix": "songs/", "pattern": "seen|b.txt", "key_properties": ["title"]},
        {"name": "beats", "prefix": "beats/", "key_properties": ["title"]},
    ]
    folder.put("beats/a.yaml", "title: one")
    folder.put(key, "title: two")
    config = folder.config(streams=streams, fail_when_no_files_found=True)
    code, out, log = run(config, tmp_path)
    (beat,) = Output.of(out.splitlines()).records("beats")
    assert beat["title"] == "one"
    assert code == (0 if key == "songs/seen.yaml" else 3)
    if code:
        said = json.loads(log[-1])["message"]
        assert "songs: no file below" in said
        assert "'seen|b.txt'" in said
        assert "beats" not in said
        assert run({**config, "fail_when_no_files_found": False}, tmp_path)[0] == 0


def test_a_server_that_is_not_there_exits_3(folder: Folder, tmp_path: Path) -> None:
    config = {
        "bucket": "raps",
        "endpoint_url": "http://127.0.0.1:9",
        "streams": [{"name": "songs"}],
    }
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": SECRET}
    code, out, log = run(config, tmp_path, **keys)
    assert code == 3
    last = json.loads(log[-1])
    assert last["extra"]["error"] == "SourceUnreachableError"
    assert "127.0.0.1:9" in last["message"]
    assert SECRET not in "".join(log)
    assert Output.of(out.splitlines()).messages[-1]["type"] == "STATE"


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"bucket": "no-such-bucket"}, 3, "NoSuchBucket"),
        ({"aws_secret_access_key": "wrong"}, 3, "SignatureDoesNotMatch"),
        ({"aws_access_key_id": "wrong"}, 3, "InvalidAccessKeyId"),
        ({"endpoint_url": "nowhere"}, 2, "endpoint_url"),
    ],
)
def test_a_server_that_refuses_is_named_with_what_to_check(
    s3: Bucket, tmp_path: Path, change: dict[str, str], code: int, said: str
) -> None:
    found, _, log = run({**s3.config(), **change}, tmp_path)
    assert found == code
    assert said in json.loads(log[-1])["message"]


def test_credentials_come_from_the_usual_chain(s3: Bucket, tmp_path: Path) -> None:
    s3.put("songs/a.yaml", "title: one")
    config = s3.config()
    environment = {
        "AWS_ACCESS_KEY_ID": config.pop("aws_access_key_id"),
        "AWS_SECRET_ACCESS_KEY": config.pop("aws_secret_access_key"),
        "AWS_REGION": "us-east-1",
    }
    code, out, _ = run(config, tmp_path, **environment)
    assert code == 0
    assert len(Output.of(out.splitlines()).records("songs")) == 1
    nothing = dict.fromkeys(environment, "")
    home = {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    code, _, log = run(config, tmp_path, **nothing, **home)
    assert code == 2
    assert "aws_access_key_id" in json.loads(log[-1])["message"]


def test_a_broken_contract_exits_5(folder: Folder, tmp_path: Path) -> None:
    folder.put("songs/a.yaml", "title: [")
    code, _, log = run(folder.config(on_bad_file="fail"), tmp_path)
    assert code == 5
    assert json.loads(log[-1])["extra"]["error"] == "ContractExceededError"


def test_a_reader_that_goes_away_ends_it_quietly(folder: Folder, tmp_path: Path) -> None:
    folder.put("songs/a.jsonl", '{"title": "%s"}\n' % ("x" * 1_000) * 5_000)
    (tmp_path / "config.json").write_text(json.dumps(folder.config()))
    process = subprocess.Popen(
        [sys.executable, "-c", "from tap_files import main; main()", "--config", "config.json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stderr
    with process.stdout, process.stderr:
        process.stdout.readline()
        process.stdout.close()
        log = process.stderr.read()
        assert process.wait(60) == 6, log
    assert b"Traceback" not in log


def test_test_reads_a_little_of_each_stream(s3: Bucket, tmp_path: Path) -> None:
    for number in range(20):
        s3.put(f"songs/{number}.yaml", f"title: t{number}")
    code, out, _ = run(s3.config(), tmp_path, "--test")
    assert code == 0
    assert len(Output.of(out.splitlines()).records("songs")) == 1
    code, out, _ = run(s3.config(), tmp_path, "--test=schema")
    assert code == 0
    assert set(Output.of(out.splitlines()).schemas) == {"_files", "songs", "songs__rejected"}


def test_discover_needs_settings_and_no_server(tmp_path: Path) -> None:
    config = {"bucket": "b", "endpoint_url": "http://127.0.0.1:9", "streams": [{"name": "songs"}]}
    code, out, _ = run(config, tmp_path, "--discover")
    assert code == 0
    assert [entry["tap_stream_id"] for entry in json.loads(out)["streams"]] == ["_files", "songs"]


def test_memory_stays_flat_however_large_a_file_is(folder: Folder, tmp_path: Path) -> None:
    line = json.dumps({"title": "t", "text": "x" * 2_000}) + "\n"
    peaks = []
    for megabytes in (20, 120):
        folder.put("songs/a.jsonl", line * (megabytes * 2**20 // len(line)))
        (tmp_path / "config.json").write_text(json.dumps(folder.config()))
        done = subprocess.run(
            [sys.executable, "-c", CODE, "--config", str(tmp_path / "config.json")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=True,
        )
        peaks.append(int(done.stderr.split()[-1]) // 1024)
    assert peaks[1] < peaks[0] + 20
    assert peaks[1] < 200


def test_memory_stays_flat_however_many_files_there_are(folder: Folder, tmp_path: Path) -> None:
    body = "title: t\ntext: " + "x" * 100_000
    for number in range(1_000):
        folder.put(f"songs/{number}.yaml", body)
    (tmp_path / "config.json").write_text(json.dumps(folder.config()))
    done = subprocess.run(
        [sys.executable, "-c", CODE, "--config", str(tmp_path / "config.json")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
    )
    assert int(done.stderr.split()[-1]) // 1024 < 200
