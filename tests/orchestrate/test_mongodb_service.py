"""The MongoDB stand-in: installed once, started, survives a kill, given from outside."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import psutil

from mixtape import services
from mixtape.services.mongodb import GivenMongodb, Mongodb, build

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from fixtures.fix_mongodb import MakeMongodb


def test_what_was_acknowledged_survives_a_kill(make_mongodb: MakeMongodb) -> None:
    server = make_mongodb()
    assert isinstance(server.service, Mongodb)
    server.client.raps.lyrics.insert_one({"_id": 1})
    processes = server.service.processes()
    for process in processes:
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs(processes, timeout=10)
    assert not server.service.running
    server.service.start()
    assert list(server.client.raps.lyrics.find()) == [{"_id": 1}]


def test_it_is_a_replica_set_with_change_streams(make_mongodb: MakeMongodb) -> None:
    server = make_mongodb()
    assert server.client.admin.command("hello")["setName"] == "secantus"
    with server.client.raps.watch(max_await_time_ms=5_000) as changes:
        server.client.raps.lyrics.insert_one({"_id": 1})
        assert next(changes)["operationType"] == "insert"


def test_installing_again_does_nothing() -> None:
    made = build().stat().st_mtime_ns
    assert build().stat().st_mtime_ns == made


def test_a_given_address_wins_and_shows_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONGODB_URI", "mongodb://me:hush@db.example:27018/?authSource=admin")
    found = services.mongodb(tmp_path)
    assert isinstance(found, GivenMongodb)
    assert found.url == "mongodb://db.example:27018"
    assert found.address()["TAP_MONGODB_MONGODB_CONNECTION_STRING"].endswith("authSource=admin")
    monkeypatch.delenv("MONGODB_URI")
    assert isinstance(services.mongodb(tmp_path), Mongodb)
