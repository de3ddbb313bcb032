"""How the settings become a session, and what is said when none is to be had."""

from __future__ import annotations

import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from singer_kit.errors import ConfigError, ExitCode, TargetWriteError
from target_postgres.database import Database

from .conftest import Warehouse, record, schema

SCHEMA = schema("t", {"id": {"type": "integer"}})
BASE = {"application_name": "target-postgres", "lock_timeout_seconds": 60}


def parameters(**config: Any) -> dict[str, Any]:
    database = Database(BASE | config)
    found = dict(database._parameters)
    database.close()
    del found["application_name"], found["connect_timeout"]
    return found


def test_the_address_may_come_as_one_url(warehouse: Warehouse) -> None:
    url = warehouse.database.uri.replace("postgresql://", "postgresql+psycopg2://")
    warehouse.config = {"sqlalchemy_url": url, "default_target_schema": "raw"}
    assert warehouse.load(SCHEMA, record("t", id=1)).error is None
    assert warehouse.rows("t") == [{"id": 1}]


def test_an_address_that_is_none_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigError, match="sqlalchemy_url is no PostgreSQL address") as caught:
        parameters(sqlalchemy_url="mysql://me:sesame@host/db")
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, {}),
        ({"ssl_mode": "require"}, {"sslmode": "require"}),
        ({"ssl_enable": True}, {"sslmode": "verify-full"}),
        ({"ssl_enable": False, "ssl_mode": "verify-full"}, {}),
        (
            {
                "ssl_enable": True,
                "ssl_mode": "verify-ca",
                "ssl_certificate_authority": "/etc/ca.pem",
                "ssl_client_certificate": "/etc/me.pem",
                "ssl_client_private_key": "/etc/me.key",
            },
            {
                "sslmode": "verify-ca",
                "sslrootcert": "/etc/ca.pem",
                "sslcert": "/etc/me.pem",
                "sslkey": "/etc/me.key",
            },
        ),
        (
            {
                "ssl_mode": "require",
                "ssl_client_certificate_enable": False,
                "ssl_client_certificate": "/etc/me.pem",
                "ssl_client_private_key": "/etc/me.key",
            },
            {"sslmode": "require"},
        ),
    ],
)
def test_tls_settings_keep_their_known_meaning(
    config: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert parameters(**config) == expected


def test_a_key_given_as_text_is_kept_from_others_and_removed() -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n"
    database = Database(BASE | {"ssl_mode": "require", "ssl_client_private_key": pem})
    path = Path(database._parameters["sslkey"])
    assert path.read_text() == pem
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    database.close()
    assert not path.exists()


def test_a_wrong_password_is_one_line_that_does_not_show_it(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    result = warehouse.run(tmp_path, b"", password="sesame")
    assert result.exit_code == ExitCode.OK  # nothing came, so nobody asked
    message = b'{"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{}}}}\n'
    result = warehouse.run(tmp_path, message, password="sesame")
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert "password authentication failed" in result.last_line["message"]
    assert "sesame" not in result.log
    assert "Traceback" not in result.log


def test_the_password_may_come_from_a_mounted_file_that_changes(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text(warehouse.config.pop("password") + "\n")
    config = {"password_file": str(file)}
    assert warehouse.load(SCHEMA, record("t", id=1), **config).error is None
    database = Database(BASE | warehouse.config | config)
    database.connect().close()
    right = file.read_text()
    file.write_text("sesame")
    with pytest.raises(TargetWriteError, match="password authentication failed"):
        database.connect()
    file.write_text(right)
    database.connect().close()


def test_a_password_file_that_is_not_there_is_named(warehouse: Warehouse) -> None:
    result = warehouse.load(SCHEMA, password_file="/nowhere/password")
    assert result.exit_code == ExitCode.CONFIG
    assert "/nowhere/password" in str(result.error)


def test_the_password_file_of_libpq_works_too(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "pgpass"
    file.touch(mode=0o600)
    file.write_text(f"*:*:*:*:{warehouse.config.pop('password')}\n")
    monkeypatch.setenv("PGPASSFILE", str(file))
    assert warehouse.load(SCHEMA, record("t", id=1)).error is None
    assert warehouse.rows("t") == [{"id": 1}]


def test_a_server_that_is_not_there_is_named(warehouse: Warehouse) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    result = warehouse.load(SCHEMA, port=port)
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert f"{warehouse.config['host']}:{port}" in str(result.error)


@pytest.mark.parametrize(
    "config", [{"on_invalid_record": "explode"}, {"port": "high"}, {"null_character": 1}]
)
def test_a_wrong_setting_is_refused_before_anything_is_read(
    warehouse: Warehouse, tmp_path: Path, config: dict[str, Any]
) -> None:
    result = warehouse.run(tmp_path, b"", **config)
    assert result.exit_code == ExitCode.CONFIG
    assert next(iter(config)) in result.last_line["message"]
