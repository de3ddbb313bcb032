"""Sessions with PostgreSQL: how one is opened, and which failures a fresh one would cure."""

from __future__ import annotations

import logging
import re
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import conninfo

from singer_kit.errors import ConfigError, TargetWriteError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RECONNECT_SECONDS = 30.0
"""How long a server that went away in the middle of a load may take to come back."""

_CONNECT_TIMEOUT = 10
# 08: connection, 40: deadlock and serialization, 57P: the server is stopping or starting.
_PASSING = {"080", "08P", "400", "40P", "57P"}
_FILES = {
    "ssl_certificate_authority": "sslrootcert",
    "ssl_client_certificate": "sslcert",
    "ssl_client_private_key": "sslkey",
}


# What libpq or the server says when TLS is set up wrongly, and what to do about it.
_TLS_CURES = (
    ("certificate verify failed", "name who signed it in ssl_certificate_authority"),
    ("does not match host name", "connect by the name that is in it, or set ssl_mode to verify-ca"),
    ("root certificate file", "name who signed it in ssl_certificate_authority"),
    (
        "requires a valid client certificate",
        "give ssl_client_certificate and ssl_client_private_key",
    ),
    ("unknown ca", "give an ssl_client_certificate that the server's own authority has signed"),
    ("certificate file", "give ssl_client_certificate as a path that can be read, or PEM text"),
    ("private key file", "give ssl_client_private_key as a path that only its owner can read"),
    ("does not support SSL", "have TLS switched on there, or set ssl_mode to prefer"),
)

# For each transaction, not for the session: behind PgBouncer the next one may have another.
_FOR_TRANSACTION = """
    select
        set_config('timezone', 'UTC', true),
        set_config('datestyle', 'ISO, MDY', true),
        set_config('client_min_messages', 'warning', true),
        set_config('lock_timeout', %s, true)
"""

T = TypeVar("T")

logger = logging.getLogger("target-postgres")


class Database:
    """Opens sessions as the settings say. Settings have MeltanoLabs' names."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._certificates: tempfile.TemporaryDirectory[str] | None = None
        self._certificates_in = config.get("ssl_storage_directory")
        self._parameters = self._address(config) | {
            "application_name": config["application_name"],
            "connect_timeout": _CONNECT_TIMEOUT,
        }
        self._password_file = None if config.get("sqlalchemy_url") else config.get("password_file")
        self.lock_timeout = f"{config['lock_timeout_seconds']}s"

    def close(self) -> None:
        """Remove the certificates that were written for this process."""
        if self._certificates is not None:
            self._certificates.cleanup()

    def __str__(self) -> str:
        """Say where the database is, without the password."""
        of = self._parameters
        host, port = of.get("host", "the default host"), of.get("port", "5432")
        return f"{of.get('dbname', 'the default database')} at {host}:{port} as {of.get('user')}"

    def connect(self) -> psycopg.Connection:
        """Return a session, having read the password file anew.

        Raises :class:`ConfigError` when a setting is what keeps us out, else
        :class:`TargetWriteError`.
        """
        parameters = dict(self._parameters)
        self._check_files()
        if self._password_file is not None:
            parameters["password"] = self._password()
        try:
            # Statements prepared in a session are not there in the next that PgBouncer gives.
            return psycopg.connect(**parameters, autocommit=True, prepare_threshold=None)
        except psycopg.Error as error:
            said = _one_line(error)
            for fault, cure in _TLS_CURES:
                if fault in said:
                    raise ConfigError(f"no TLS with PostgreSQL, {self}: {said}; {cure}") from None
            raise TargetWriteError(f"cannot reach PostgreSQL, {self}: {said}") from None

    def _check_files(self) -> None:
        """Raise for files that are not there: libpq would go on without some of them."""
        for setting, name in _FILES.items():
            path = self._parameters.get(name)
            if path is not None and path != "system" and not Path(path).is_file():
                raise ConfigError(
                    f"no TLS with PostgreSQL, {self}: {setting} is {path}, and there is no such "
                    "file; give the path of one, or its PEM text"
                )

    def _password(self) -> str:
        try:
            return Path(str(self._password_file)).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"password_file cannot be read: {error}; give the path of a file with the "
                "password alone in it"
            ) from None

    def reconnect(self) -> psycopg.Connection:
        """Return a session as soon as the server is back; raises when it stays away."""
        deadline = time.monotonic() + RECONNECT_SECONDS
        while True:
            try:
                return self.connect()
            except TargetWriteError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _address(self, config: Mapping[str, Any]) -> dict[str, Any]:
        if url := config.get("sqlalchemy_url"):
            try:
                return dict(conninfo.conninfo_to_dict(re.sub(r"^(postgres\w*)\+\w+:", r"\1:", url)))
            except psycopg.ProgrammingError:
                raise ConfigError(
                    "sqlalchemy_url is no PostgreSQL address; give it as "
                    "postgresql://user:password@host:5432/database"
                ) from None
        names = {"host": "host", "port": "port", "user": "user", "password": "password"}
        found = {name: config[setting] for setting, name in names.items() if config.get(setting)}
        if config.get("database"):
            found["dbname"] = config["database"]
        return found | self._tls(config)

    def _tls(self, config: Mapping[str, Any]) -> dict[str, Any]:
        enabled = config.get("ssl_enable")
        if enabled is False or (enabled is None and not config.get("ssl_mode")):
            return {}
        found = {"sslmode": config.get("ssl_mode") or "verify-full"}
        wanted = dict(_FILES)
        if config.get("ssl_client_certificate_enable") is False:
            del wanted["ssl_client_certificate"], wanted["ssl_client_private_key"]
        for setting, name in wanted.items():
            if value := config.get(setting):
                found[name] = self._file(name, value)
        return found

    def _file(self, name: str, value: str) -> str:
        """Return the path of a certificate that may be given as a path or as its text."""
        if "-----BEGIN" not in value:
            return value
        if self._certificates is None:
            if self._certificates_in is not None:
                Path(self._certificates_in).mkdir(parents=True, exist_ok=True)
            self._certificates = tempfile.TemporaryDirectory(
                prefix="target-postgres-", dir=self._certificates_in
            )
        path = Path(self._certificates.name) / name
        path.touch(mode=0o600)
        path.write_text(value)
        return str(path)


class Session:
    """One session at a time, replaced once for each piece of work that it fails."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: psycopg.Connection | None = None

    def transaction(
        self,
        work: Callable[[psycopg.Connection], T],
        already_done: Callable[[psycopg.Connection], T | None] = lambda _: None,
    ) -> T:
        """Do ``work`` in a transaction, and once more on a fresh session if this one is lost.

        A session may be lost while it commits: ``already_done`` gives the result if the first
        attempt turns out to be committed. Raises :class:`TargetWriteError` when the server
        cannot be reached, and what psycopg raises when it refuses the work.
        """

        def settled(connection: psycopg.Connection) -> T:
            connection.execute(_FOR_TRANSACTION, (self._database.lock_timeout,))
            return work(connection)

        connection = self._connection or self._database.connect()
        self._connection = connection
        try:
            return self._attempt(connection, settled)
        except psycopg.Error as error:
            if not is_passing(error, connection):
                raise
            logger.warning("trying once more on a fresh session: %s", describe(error))
        self.close()
        connection = self._connection = self._database.reconnect()
        try:
            done = already_done(connection)
            if done is not None:
                return done
            return self._attempt(connection, settled)
        except psycopg.Error as error:
            if not (connection.broken or connection.closed):
                raise
            raise TargetWriteError(
                f"lost PostgreSQL twice in one batch, {self._database}: {describe(error)}; "
                "what was committed before is in the STATE printed last, start again from it"
            ) from None

    @staticmethod
    def _attempt(connection: psycopg.Connection, work: Callable[[psycopg.Connection], T]) -> T:
        with connection.transaction():
            return work(connection)

    def close(self) -> None:
        """Close the session if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def is_passing(error: psycopg.Error, connection: psycopg.Connection) -> bool:
    """Tell whether the same work may succeed when it is done once more."""
    return connection.broken or connection.closed or (error.sqlstate or "")[:3] in _PASSING


def is_about_data(error: psycopg.Error) -> bool:
    """Tell whether a row's content is what PostgreSQL refused."""
    # 22: data, 23: constraints, 54: program limits such as a key too long for its index.
    return (error.sqlstate or "")[:2] in {"22", "23", "54"}


def describe(error: psycopg.Error) -> str:
    """Return one line about an error, without the row that caused it."""
    return f"{error.diag.message_primary or _one_line(error)} (SQLSTATE {error.sqlstate})"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
