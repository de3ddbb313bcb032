"""The tap as a process: exit codes, outputs, signals, a server that goes and comes, secrets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import trustme

from fixtures.mongo_tapped import EXECUTABLE, Rows, Tapped
from fixtures.singer import Output, run_tap
from mixtape.services.mongodb import Mongodb
from singer_kit.errors import ConfigError, ConnectorError, SourceUnreachableError
from tap_mongodb import TapMongoDB

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.fix_mongodb import MakeMongodb, Server

SECRET = "do-not-say-this"


def run(config: dict[str, Any], folder: Path, *arguments: str) -> tuple[int, Output, list[str]]:
    """Run the tap to its end; return exit code, messages and log lines."""
    (folder / "config.json").write_text(json.dumps(config))
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [*EXECUTABLE, "--config", str(folder / "config.json"), *arguments],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": paths, "LOGLEVEL": "DEBUG"},
        timeout=120,
        check=False,
    )
    return done.returncode, Output.of(done.stdout.splitlines()), done.stderr.decode().splitlines()


def last(log: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(log[-1])
    return found


def test_a_good_run_exits_0_with_json_on_stderr_and_no_documents_in_it(
    mongo: Tapped, tmp_path: Path
) -> None:
    mongo.database.songs.insert_one({"_id": "a", "text": "text of a song"})
    code, output, log = run(mongo.config(), tmp_path)
    assert code == 0
    assert output.counts() == {"songs": 1}
    lines = [json.loads(line) for line in log]
    assert "text of a song" not in "".join(log)
    metrics = {line["metric_info"]["metric"] for line in lines if line.get("metric_info")}
    assert {"rows", "lag_seconds", "record_count", "sync_duration"} <= metrics


def test_test_says_what_the_server_is(mongod: Tapped, tmp_path: Path) -> None:
    mongod.database.songs.insert_one({"_id": "a", "n": 1})
    code, _, log = run(mongod.config(min_oplog_window_hours=24), tmp_path, "--test")
    assert code == 0
    said = " ".join(json.loads(line)["message"] for line in log)
    for word in ("topology: replica set", "roles:", "oplog: it reaches back", "images: 0 of 1"):
        assert word in said


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"output_mode": "all"}, 2, "'output_mode'"),
        ({"mongodb_connection_string": f"mongodb://me:{SECRET}@@"}, 2, "no connection string"),
        ({"mongodb_connection_string": f"http://me:{SECRET}@h/"}, 2, "no connection string"),
        ({"mongodb_connection_string": ""}, 2, "none of mongodb_connection_string"),
        ({"mongodb_password_file": "/no/such/file"}, 2, "'mongodb_password_file'"),
        ({"documentdb_credential_json_string": f'{{"password": "{SECRET}"'}, 2, "no JSON object"),
        ({"filter_collections": ["nothing"]}, 2, "no stream is selected"),
        (
            {
                "mongodb_connection_string": f"mongodb://me:{SECRET}@127.0.0.1:9/"
                "?serverSelectionTimeoutMS=300"
            },
            3,
            "check that the server is up",
        ),
    ],
)
def test_what_is_wrong_is_one_line_without_a_secret(
    mongod: Tapped, tmp_path: Path, change: dict[str, Any], code: int, said: str
) -> None:
    mongod.database.songs.insert_one({"_id": "a"})
    found, output, log = run({**mongod.config(), **change}, tmp_path)
    assert found == code, log[-1]
    assert said in last(log)["message"]
    assert SECRET not in "".join(log)
    assert output.counts() == {}


def test_a_standalone_server_gets_the_cure(make_mongodb: MakeMongodb, tmp_path: Path) -> None:
    server = make_mongodb("--standalone")
    server.client.raps.songs.insert_one({"_id": "a"})
    code, _, log = run(Tapped(server.uri, server.client.raps).config(), tmp_path)
    assert code == 2
    assert "rs.initiate()" in last(log)["message"]


def test_scram_with_the_password_in_a_file(make_mongodb: MakeMongodb, tmp_path: Path) -> None:
    server = make_mongodb()
    assert isinstance(server.service, Mongodb)
    server.client.raps.songs.insert_one({"_id": "a"})
    roles = [{"role": "read", "db": "raps"}]
    server.client.admin.command("createUser", "me", pwd=SECRET, roles=roles)
    server.service.stop()
    server.service.options = ("--auth",)
    server.service.start()
    (tmp_path / "password").write_text(SECRET + "\n")
    address = server.uri.replace("mongodb://", "mongodb://me@")
    config = {
        **Tapped(address, server.client.raps).config(),
        "mongodb_password_file": str(tmp_path / "password"),
    }
    code, output, log = run(config, tmp_path)
    assert code == 0, log[-1]
    assert output.counts() == {"songs": 1}
    (tmp_path / "password").write_text("wrong-" + SECRET)
    code, _, log = run(config, tmp_path)
    assert code == 3
    assert "user" in last(log)["message"]
    assert SECRET not in "".join(log)


def test_tls_with_a_client_certificate(make_mongodb: MakeMongodb, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    mine = authority.issue_cert("tap@example.org")
    mine.private_key_and_cert_chain_pem.write_to_path(tmp_path / "me.pem")
    theirs = authority.issue_cert("localhost", "127.0.0.1")
    theirs.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    theirs.private_key_pem.write_to_path(tmp_path / "server.key")
    plain = make_mongodb()
    assert isinstance(plain.service, Mongodb)
    plain.client.raps.songs.insert_one({"_id": "a"})
    plain.client.close()
    plain.service.stop()
    program = plain.service
    program.options = (
        *("--tls-cert-file", str(tmp_path / "server.pem")),
        *("--tls-key-file", str(tmp_path / "server.key")),
        *("--tls-ca-file", str(tmp_path / "ca.pem"), "--tls-require-client-cert"),
    )
    tls = f"?tls=true&tlsCAFile={tmp_path}/ca.pem&tlsCertificateKeyFile={tmp_path}/me.pem"
    program.client_options = tls
    program.start()
    mongo = Tapped(program.uri, plain.client.raps)
    assert mongo.tap().counts() == {"songs": 1}
    without = mongo.config()
    without["mongodb_connection_string"] = (
        f"mongodb://127.0.0.1:{program.port}/?tls=true&tlsCAFile={tmp_path}/ca.pem"
        "&serverSelectionTimeoutMS=500"
    )
    assert isinstance(run_tap(TapMongoDB, without).error, SourceUnreachableError)


def test_a_server_that_restarts_during_the_run_is_waited_for(
    make_mongodb: MakeMongodb, tmp_path: Path
) -> None:
    server = make_mongodb()
    assert isinstance(server.service, Mongodb)
    mongo = Tapped(server.uri, server.client.raps)
    songs = mongo.database.songs
    songs.insert_many([{"_id": f"s{n:05}", "text": "x" * 5_000} for n in range(1_500)])
    process = mongo.start(tmp_path, snapshot_chunk_size=200)
    assert process.stdout
    assert process.stderr
    with process.stdout, process.stderr:
        lines = [process.stdout.readline() for _ in range(100)]
        # The tap waits for its reader now; meanwhile the server dies and comes back.
        processes = server.service.processes()
        for each in processes:
            each.send_signal(signal.SIGKILL)
        psutil.wait_procs(processes, timeout=10)
        server.service.start()
        songs.insert_one({"_id": "late"})
        rest = process.stdout.readlines()
        assert process.wait(60) == 0, process.stderr.read()
    output = Output.of([*lines, *rest])
    assert len({record["_id"] for record in output.records("songs")}) >= 1_500
    rows = Rows().load(output).load(mongo.tap(output.state))
    assert len(rows.alive("songs")) == 1_501


@pytest.mark.parametrize(
    ("command", "code"), [("find", 10107), ("aggregate", 91), ("getMore", 189), ("getMore", 43)]
)
def test_elections_and_shutdowns_are_gone_through(
    mongod: Tapped, mongodb: Server, command: str, code: int
) -> None:
    mongod.uri = f"{mongodb.uri}?heartbeatFrequencyMS=500"
    mongod.database.songs.insert_many([{"_id": f"s{n}", "n": n} for n in range(300)])
    state = mongod.tap().state
    mongod.database.songs.update_one({"_id": "s1"}, {"$set": {"n": -1}})
    mongod.database.people.insert_many([{"_id": f"p{n}", "n": n} for n in range(300)])
    labels: dict[str, Any] = (
        {"errorLabels": ["ResumableChangeStreamError"]} if command == "getMore" else {}
    )
    mongodb.fail([command], errorCode=code, **labels)
    try:
        output = mongod.tap(state)
    finally:
        mongodb.heal()
    assert Rows().load(output).alive("songs") == {"s1": {"_id": "s1", "n": -1}}
    assert len({record["_id"] for record in output.records("people")}) == 300


def test_what_the_server_refuses_ends_the_run_behind_what_was_good(
    mongod: Tapped, mongodb: Server
) -> None:
    mongod.database.songs.insert_one({"_id": "a", "n": 1})
    tap = TapMongoDB(config=mongod.config())
    assert tap.streams
    mongodb.fail(["find"], times=100, errorCode=13)
    try:
        output = run_tap(TapMongoDB, mongod.config())
    finally:
        mongodb.heal()
        tap.source.close()
    assert isinstance(output.error, ConnectorError)
    assert not isinstance(output.error, ConfigError)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_at_a_safe_point(
    mongod: Tapped, tmp_path: Path, number: signal.Signals
) -> None:
    songs = mongod.database.songs
    songs.insert_many([{"_id": f"s{n:05}", "text": "x" * 2_000} for n in range(1_200)])
    process = mongod.start(tmp_path, snapshot_chunk_size=300, state_interval_records=100)
    assert process.stdout
    assert process.stderr
    with process.stdout, process.stderr:
        lines = [process.stdout.readline() for _ in range(50)]
        process.send_signal(number)
        rest, log = process.stdout.readlines(), process.stderr.read()
        assert process.wait(60) == 0, log
    output = Output.of([*lines, *rest])
    assert number.name in log.decode()
    assert output.messages[-1]["type"] == "STATE"
    assert len(output.records("songs")) < 1_200
    rows = Rows().load(output).load(mongod.tap(output.state))
    assert len(rows.alive("songs")) == 1_200


def test_limits_end_the_run_at_a_safe_point(mongo: Tapped) -> None:
    mongo.database.songs.insert_one({"_id": "a", "n": 0})
    state = mongo.tap().state
    for n in range(1, 21):
        mongo.database.songs.update_one({"_id": "a"}, {"$set": {"n": n}})
    seen = []
    for _ in range(6):
        output = mongo.tap(state, max_events=5)
        seen += [record["_sdc_lsn"] for record in output.records("songs")]
        state = output.state
    assert len(set(seen)) == 20
    assert seen == sorted(seen)


def test_run_until_idle_waits_for_what_may_come(mongod: Tapped) -> None:
    mongod.database.songs.insert_one({"_id": "a", "n": 0})
    state = mongod.tap().state
    started = time.monotonic()
    mongod.tap(state, run_until="idle", idle_timeout_seconds=1)
    assert time.monotonic() - started >= 1
