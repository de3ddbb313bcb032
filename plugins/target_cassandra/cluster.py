"""The connection, and every way in which making one fails told in one line."""

from __future__ import annotations

import logging
import re
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cassandra import AuthenticationFailed, DriverException
from cassandra.auth import AuthProvider, PlainTextAuthenticator
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.connection import ConnectionException
from cassandra.policies import (
    DCAwareRoundRobinPolicy,
    ExponentialReconnectionPolicy,
    FallthroughRetryPolicy,
    TokenAwarePolicy,
)
from cassandra.protocol import ErrorMessage
from cassandra.query import tuple_factory

from singer_kit.errors import ConfigError
from target_cassandra import wire
from target_cassandra.errors import TableRefusedError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cassandra.cluster import Session

    from target_cassandra.settings import Settings

TROUBLE = (DriverException, NoHostAvailable, ConnectionException, ErrorMessage, OSError)
"""Everything that the driver raises for what a server or the network did."""

_CONNECT_SECONDS = 10
_RECONNECT_SECONDS = (0.5, 10.0)

_UNTRUSTED = re.compile(r"certificate verify failed: (.+?)\.? \(_ssl")
"""How Python says it; the driver hands on the text alone."""

logger = logging.getLogger("target-cassandra")


class Connection:
    """A session of one load, and what the driver knows of the cluster."""

    def __init__(self, config: Mapping[str, Any], settings: Settings) -> None:
        self.settings = settings
        # What goes wrong here is told once, by us, and without a trace.
        driver = logging.getLogger("cassandra")
        driver.setLevel(logging.CRITICAL)
        try:
            self._cluster = _cluster(config, settings)
        except BaseException:
            driver.setLevel(logging.WARNING)
            raise
        try:
            # With some nodes only, batches would go to who owns none of their rows.
            self.session: Session = self._cluster.connect(wait_for_all_pools=True)
            self.session.client_protocol_handler = wire.Protocol
            # Every write says its own.
            self.session.use_client_timestamp = False
        except TROUBLE as error:
            self._cluster.shutdown()
            raise UnreachableError(_reason(config, error)) from error
        except BaseException:
            self._cluster.shutdown()
            raise
        finally:
            driver.setLevel(logging.WARNING)

    @property
    def metadata(self) -> Any:
        """The driver's picture of the cluster, which it keeps up to date."""
        return self._cluster.metadata

    @property
    def keyspace(self) -> Any:
        """The keyspace's metadata, None if it is not there."""
        return self.metadata.keyspaces.get(self.settings.keyspace)

    def change(self, statement: str) -> None:
        """Change the schema and wait until all nodes agree on it.

        Raises:
            TableRefusedError: the role may not do this, or the nodes do not agree.
        """
        logger.info("schema: %s", statement)
        try:
            future = self.session.execute_async(statement)
            future.result()
        except TROUBLE as error:
            raise TableRefusedError(f"{first_line(error)}; statement: {statement}") from error
        if not future.is_schema_agreed:
            raise TableRefusedError(
                f"the nodes do not agree on the schema after: {statement}; bring up those that "
                "are down and start again"
            )

    def close(self) -> None:
        """Leave the cluster."""
        self._cluster.shutdown()


def first_line(error: BaseException) -> str:
    """Return what a server said, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


class _Credentials(AuthProvider):  # type: ignore[misc] # the driver has no types
    """User and password; those of a mounted file are read anew for each connection."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._user = config["username"]
        self._password = config.get("password") or ""
        self._file = config.get("password_file")
        self._read()

    def new_authenticator(self, host: Any) -> PlainTextAuthenticator:  # noqa: ARG002 - the driver's
        """Return what logs one connection in."""
        return PlainTextAuthenticator(self._user, self._read())

    def _read(self) -> str:
        if not self._file:
            return str(self._password)
        try:
            return Path(self._file).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"setting 'password_file': {self._file} cannot be read ({first_line(error)}); "
                "give the path of a file with the password alone"
            ) from error


def _cluster(config: Mapping[str, Any], settings: Settings) -> Cluster:
    local_dc = config.get("local_dc")
    routing = DCAwareRoundRobinPolicy(local_dc) if local_dc else DCAwareRoundRobinPolicy()
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(routing),
        # What is sent again, and when, is said in one place: requests.py.
        retry_policy=FallthroughRetryPolicy(),
        consistency_level=settings.consistency_level,
        request_timeout=settings.request_timeout_seconds,
        row_factory=tuple_factory,
    )
    options: dict[str, Any] = {
        "execution_profiles": {EXEC_PROFILE_DEFAULT: profile},
        "connect_timeout": _CONNECT_SECONDS,
        "control_connection_timeout": _CONNECT_SECONDS,
        "reconnection_policy": ExponentialReconnectionPolicy(*_RECONNECT_SECONDS),
        "application_name": "target-cassandra",
        "protocol_version": wire.PROTOCOL,
        "connection_class": wire.Connection,
    }
    if config.get("username"):
        options["auth_provider"] = _Credentials(config)
    if bundle := config.get("secure_connect_bundle"):
        try:
            # Unpacked where it lies it could not be a mounted secret, which is read-only.
            cloud = {"secure_connect_bundle": bundle, "use_default_tempdir": True}
            return Cluster(cloud=cloud, **options)
        except Exception as error:
            raise ConfigError(
                f"setting 'secure_connect_bundle': {bundle} cannot be used ({first_line(error)}); "
                "download it again from Astra"
            ) from error
    if not config.get("contact_points"):
        raise ConfigError("setting 'contact_points': missing; name one node or more")
    if config.get("ssl_ca_certificate"):
        options["ssl_context"] = _tls(config)
        if name := config.get("ssl_server_name"):
            options["ssl_options"] = {"server_hostname": name}
    return Cluster(config["contact_points"], port=config["port"], **options)


def _tls(config: Mapping[str, Any]) -> ssl.SSLContext:
    """Return what a node's certificate is checked by, and what we show of ourselves."""
    name = "ssl_ca_certificate"
    try:
        context = ssl.create_default_context(cafile=config[name])
        name = "ssl_client_certificate"
        if certificate := config.get(name):
            context.load_cert_chain(certificate, config.get("ssl_client_private_key"))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"setting {name!r}: {config[name]} cannot be read as PEM ({first_line(error)})"
        ) from error
    context.check_hostname = config["ssl_verify_hostname"]
    return context


def _reason(config: Mapping[str, Any], error: BaseException) -> str:
    """Return one line on why no node let us in, the most telling of all reasons."""
    where = ", ".join(config.get("contact_points") or ["Astra"])
    causes: list[BaseException] = [error]
    if isinstance(error, NoHostAvailable):
        # The driver gives bare addresses where it knows no node that it may ask.
        causes = list(error.errors.values()) if isinstance(error.errors, dict) else []
    if not causes:
        return (
            f"Cassandra at {where} knows no node that can be asked in data centre "
            f"{config.get('local_dc')!r}; see setting 'local_dc', and `nodetool status`"
        )
    for cause in causes:
        if isinstance(cause, AuthenticationFailed):
            return (
                f"Cassandra at {where} refuses user {config.get('username')!r}: wrong user or "
                "password; see settings 'username', 'password' and 'password_file'"
            )
        if found := _UNTRUSTED.search(first_line(cause)):
            return (
                f"the certificate of Cassandra at {where} is not to be trusted: {found[1]}; see "
                "settings 'ssl_ca_certificate' and 'ssl_server_name'"
            )
    said = "; ".join(sorted({first_line(cause) for cause in causes}))
    return f"cannot reach Cassandra at {where}, port {config['port']}: {said}"
