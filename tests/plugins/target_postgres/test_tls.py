"""TLS with a real server: what each setting proves, and what is said when it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import conninfo, sql

from fixtures.fix_postgres import Database
from fixtures.fix_postgres_tls import NEEDS_CERTIFICATE
from singer_kit.errors import ExitCode

from .conftest import Warehouse, record, schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixtures.fix_pgbouncer import PgBouncer
    from fixtures.fix_postgres_tls import Tls

SCHEMA = schema("t", {"id": {"type": "integer"}})


@pytest.fixture
def secure(tls: Tls) -> Iterator[Warehouse]:
    """A warehouse on the server with TLS, in a database that asks for no certificate."""
    yield from _warehouse(tls, "without_certificate")


@pytest.fixture
def guarded(tls: Tls) -> Iterator[Warehouse]:
    """A warehouse in the database that is entered with a client certificate only."""
    yield from _warehouse(tls, NEEDS_CERTIFICATE)


def _warehouse(tls: Tls, name: str) -> Iterator[Warehouse]:
    with psycopg.connect(tls.server.uri, autocommit=True) as server:
        server.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    base, _, _ = tls.server.uri.rpartition("/")
    uri = conninfo.make_conninfo(
        f"{base}/{name}", sslcert=str(tls.certificate), sslkey=str(tls.key)
    )
    found = Warehouse(Database(uri))
    found.config["host"] = "localhost"
    yield found
    with psycopg.connect(tls.server.uri, autocommit=True) as server:
        server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def speaks_tls(warehouse: Warehouse, **config: Any) -> bool:
    """Load, and let the server say whether that session was encrypted."""
    warehouse.execute(
        "create schema raw; create function raw.tls() returns boolean language sql as"
        " $$ select ssl from pg_stat_ssl where pid = pg_backend_pid() $$;"
        "create table raw.t (id bigint primary key, tls boolean default raw.tls())"
    )
    assert warehouse.load(SCHEMA, record("t", id=1), **config).error is None
    (row,) = warehouse.rows("t", "id, tls")
    return bool(row["tls"])


def authority(path: Path, *, as_text: bool) -> str:
    return path.read_text() if as_text else str(path)


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca", "require"])
@pytest.mark.parametrize("as_text", [False, True])
def test_a_server_of_the_right_authority_is_trusted(
    secure: Warehouse, tls: Tls, mode: str, *, as_text: bool
) -> None:
    ca = authority(tls.authority, as_text=as_text)
    config = {"ssl_enable": True, "ssl_mode": mode, "ssl_certificate_authority": ca}
    assert speaks_tls(secure, **config)


@pytest.mark.parametrize(("mode", "expected"), [("disable", False), ("prefer", True)])
def test_tls_is_used_as_the_mode_says(secure: Warehouse, mode: str, *, expected: bool) -> None:
    assert speaks_tls(secure, ssl_mode=mode) is expected


def test_verify_ca_does_not_look_at_the_host(secure: Warehouse, tls: Tls) -> None:
    config = {"ssl_mode": "verify-ca", "ssl_certificate_authority": str(tls.authority)}
    assert speaks_tls(secure, host="127.0.0.1", **config)


@pytest.mark.parametrize("as_text", [False, True])
def test_a_client_certificate_opens_what_asks_for_one(
    guarded: Warehouse, tls: Tls, tmp_path: Path, *, as_text: bool
) -> None:
    folder = tmp_path / "certificates"
    config = {
        "ssl_enable": True,
        "ssl_certificate_authority": str(tls.authority),
        "ssl_client_certificate_enable": True,
        "ssl_client_certificate": authority(tls.certificate, as_text=as_text),
        "ssl_client_private_key": authority(tls.key, as_text=as_text),
        "ssl_storage_directory": str(folder),
    }
    assert speaks_tls(guarded, **config)
    assert folder.exists() == as_text
    assert not as_text or not list(folder.iterdir())


def test_what_is_wrong_with_tls_is_one_line_that_says_what_to_do(
    secure: Warehouse, guarded: Warehouse, tls: Tls, tmp_path: Path
) -> None:
    ours = {"ssl_enable": True, "ssl_certificate_authority": str(tls.authority)}
    foreign = {
        "ssl_client_certificate": str(tls.foreign_certificate),
        "ssl_client_private_key": str(tls.foreign_key),
    }
    readable_by_all = tmp_path / "open.key"
    readable_by_all.write_bytes(tls.key.read_bytes())
    readable_by_all.chmod(0o644)
    cases: list[tuple[Warehouse, dict[str, Any], str]] = [
        (secure, ours | {"ssl_certificate_authority": str(tls.stranger)}, "who signed it in ssl_c"),
        (secure, {"ssl_enable": True}, "ssl_certificate_authority"),
        (secure, ours | {"ssl_certificate_authority": "/nowhere.pem"}, "there is no such file"),
        (secure, ours | {"host": "127.0.0.1"}, "set ssl_mode to verify-ca"),
        (guarded, ours, "give ssl_client_certificate and ssl_client_private_key"),
        (guarded, ours | foreign, "that the server's own authority has signed"),
        (guarded, ours | foreign | {"ssl_client_certificate": "/nowhere.pem"}, "no such file"),
        (
            guarded,
            ours | foreign | {"ssl_client_private_key": str(readable_by_all)},
            "that only its owner can read",
        ),
    ]
    for number, (warehouse, config, cure) in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        result = warehouse.run(folder, _line(), **config)
        assert result.exit_code == ExitCode.CONFIG, (number, result.log)
        said = result.last_line["message"]
        assert said.startswith("no TLS with PostgreSQL")
        assert cure in said
        assert "\n" not in said
        assert str(warehouse.config["password"]) not in result.log
        assert "Traceback" not in result.log


def _line() -> bytes:
    return b'{"type":"SCHEMA","stream":"t","schema":{"properties":{"id":{}}}}\n'


def test_a_server_without_tls_is_named_as_such(warehouse: Warehouse, pgbouncer: PgBouncer) -> None:
    result = warehouse.load(SCHEMA, ssl_mode="require", port=pgbouncer.port)
    assert result.exit_code == ExitCode.CONFIG
    assert "have TLS switched on there" in str(result.error)
