"""Services on one machine: up, down, killed half way, side by side, and given from outside."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest

from mixtape import services
from mixtape.services.base import MARK, ServiceError
from mixtape.services.minio import Minio, installed
from mixtape.services.moto import Moto
from mixtape.services.postgres import GivenPostgres, Postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ADDRESSES = ("POSTGRES_URI", "S3_ENDPOINT_URL", "MONGODB_URI")


@pytest.fixture(autouse=True)
def no_given_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ADDRESSES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def checkout(tmp_path: Path, project_root: Path) -> Iterator[Path]:
    """A checkout of its own, as far as `mixtape up` can tell."""
    (tmp_path / "meltano.yml").write_text("project_id: test\n")
    (tmp_path / "transform").symlink_to(project_root / "transform")
    yield tmp_path
    for process in marked(tmp_path):
        process.kill()


def mixtape(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mixtape", *arguments],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def marked(checkout: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK, "").startswith(f"{checkout}/"):
                found.append(process)
        except psutil.Error:
            continue
    return found


def await_true(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.002)


def test_up_prints_addresses_that_work_and_down_leaves_nothing(checkout: Path) -> None:
    up = mixtape(checkout, "up", "postgres")
    assert up.returncode == 0, up.stderr
    assert "postgres: ready at postgresql://127.0.0.1:" in up.stderr

    env = mixtape(checkout, "env").stdout
    exports = dict(
        line.removeprefix("export ").split("=", 1) for line in env.splitlines() if "=" in line
    )
    for role in ("POSTGRES_URI", "BI_READER_URI"):
        with psycopg.connect(exports[role].strip("'")) as connection:
            assert connection.execute("select 1").fetchone() == (1,)

    assert mixtape(checkout, "down").returncode == 0
    assert marked(checkout) == []


def test_up_twice_keeps_the_running_server(checkout: Path) -> None:
    mixtape(checkout, "up", "postgres")
    first = marked(checkout)[0].pid
    assert mixtape(checkout, "up", "postgres").returncode == 0
    assert marked(checkout)[0].pid == first


def test_port_password_and_rows_outlive_a_restart(tmp_path: Path) -> None:
    server = Postgres(tmp_path)
    server.start()
    before = server.uri
    with psycopg.connect(before) as connection:
        connection.execute("create table kept as select 7 as seven")
    server.stop()

    server.start()
    try:
        assert server.uri == before
        with psycopg.connect(before) as connection:
            assert connection.execute("select seven from kept").fetchone() == (7,)
    finally:
        server.stop()


@pytest.mark.parametrize("moment", ["data.new", "data", "port"])
def test_a_start_killed_half_way_is_taken_up_again(checkout: Path, moment: str) -> None:
    half = subprocess.Popen(
        [sys.executable, "-m", "mixtape", "up", "postgres"],
        cwd=checkout,
        stderr=subprocess.DEVNULL,
    )
    await_true((checkout / ".mixtape" / "postgres" / moment).exists)
    half.send_signal(signal.SIGKILL)
    half.wait()

    assert mixtape(checkout, "up", "postgres").returncode == 0
    masters = [process for process in marked(checkout) if process.ppid() == 1]
    assert len(masters) == 1
    assert mixtape(checkout, "down").returncode == 0
    assert marked(checkout) == []


def test_two_checkouts_run_side_by_side(tmp_path: Path) -> None:
    left, right = Postgres(tmp_path / "left"), Postgres(tmp_path / "right")
    try:
        left.start()
        right.start()
        assert left.port != right.port
        left.stop()
        assert right.running
    finally:
        left.stop()
        right.stop()


def test_a_server_that_dies_at_once_is_reported_with_its_own_words(tmp_path: Path) -> None:
    server = Postgres(tmp_path)
    server.home.mkdir()
    server.prepare()
    (server.home / "data" / "PG_VERSION").write_text("7\n")
    with pytest.raises(ServiceError, match="PostgreSQL version 7"):
        server.start()
    assert server.processes() == []


def test_secrets_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    server = Moto(tmp_path)
    server.home.mkdir()
    assert server.secret("root") == server.secret("root")
    mode = (server.home / "secrets.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_moto_starts_where_minio_is_not(tmp_path: Path) -> None:
    store = Moto(tmp_path)
    store.start()
    try:
        store.client.create_bucket(Bucket="raps")
        assert [b["Name"] for b in store.client.list_buckets()["Buckets"]] == ["raps"]
    finally:
        store.stop()
    assert store.processes() == []


def test_a_process_that_is_not_seen_yet_has_not_died(tmp_path: Path) -> None:
    class Hidden(Moto):
        """Shows no mark for a while, as any process between its fork and its program."""

        def command(self, port: int) -> list[str]:
            later = f'sleep 0.7; {MARK}="$0" exec "$@"'
            shown = ["sh", "-c", later, str(self.home), *super().command(port)]
            return ["env", "-u", MARK, *shown]

    store = Hidden(tmp_path)
    store.start()
    try:
        assert store.running
    finally:
        store.stop()
    assert store.processes() == []


@pytest.mark.usefixtures("object_store")  # builds MinIO where it is not there yet
def test_minio_is_taken_once_it_is_built(tmp_path: Path) -> None:
    assert installed()
    assert isinstance(services.object_store(tmp_path), Minio)


def test_a_given_address_is_used_and_never_stopped(
    checkout: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTGRES_URI", postgres.uri)
    up = mixtape(checkout, "up", "postgres")
    assert up.returncode == 0, up.stderr
    assert marked(checkout) == []
    assert "left alone" in mixtape(checkout, "down", "postgres").stderr
    assert postgres.ready()


def test_a_given_address_that_does_not_answer_is_one_clear_line(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTGRES_URI", "postgresql://somebody:hush@127.0.0.1:1/nowhere")
    up = mixtape(checkout, "up", "postgres")
    assert up.returncode == 2
    assert "PostgreSQL does not answer at postgresql://127.0.0.1:1/nowhere" in up.stderr
    assert "hush" not in up.stderr
    assert "Traceback" not in up.stderr


def test_addresses_that_env_printed_are_known_as_our_own(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixtape(checkout, "up", "postgres")
    ours = Postgres(checkout / ".mixtape")
    monkeypatch.setenv("POSTGRES_URI", ours.uri)
    assert isinstance(services.postgres(checkout / ".mixtape"), Postgres)
    monkeypatch.setenv("POSTGRES_URI", ours.uri + "?application_name=other")
    assert isinstance(services.postgres(checkout / ".mixtape"), GivenPostgres)


def test_status_tells_a_part_that_is_down_by_its_exit_code(checkout: Path) -> None:
    status = mixtape(checkout, "status")
    assert status.returncode == 3
    assert "down" in status.stdout


def test_an_unknown_part_is_named_beside_those_there_are(checkout: Path) -> None:
    up = mixtape(checkout, "up", "cassette")
    assert up.returncode == 2
    assert "no part cassette; there are: postgres, object-store" in up.stderr


def test_outside_a_project_the_error_says_where_to_go(tmp_path: Path) -> None:
    assert "MELTANO_PROJECT_ROOT" not in os.environ
    status = mixtape(tmp_path, "status")
    assert status.returncode == 2
    assert "run this inside the project" in status.stderr
