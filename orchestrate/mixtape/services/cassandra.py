"""Cassandra 5.0 on a Java of the machine or from PyPI; or the one at CASSANDRA_CONTACT_POINTS."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import socket
from typing import TYPE_CHECKING

from cassandra import AuthenticationFailed, DriverException, Unauthorized
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy

from mixtape.paths import project_root
from mixtape.services.base import Given, Service, ServiceError, free_port, write_private
from mixtape.services.cassandra_jars import HOW_TO_GET_JAVA, jars, java

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from cassandra.cluster import Session

KEYSPACE = "rap"
LOADER = "rap_loader"
DATACENTER = "datacenter1"
_ONE = {DATACENTER: 1}
_REPLICAS = 3
_SUPERUSER = "cassandra"
_CONNECT_SECONDS = 10
_REQUEST_SECONDS = 60

# What Cassandra reaches into of a Java later than 8.
_OPENED = (
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "jdk.management/com.sun.management.internal",
)
_EXPORTED = (
    "java.base/java.lang.ref",
    "java.base/jdk.internal.misc",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
)
_LOGGING = """\
<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%date %-5level %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="OUT"/></root>
</configuration>
"""


class Cassandra(Service):
    """One node of this checkout; several with the same ``seeds`` make a cluster."""

    name = "cassandra"
    title = "Cassandra"
    #: a start on a machine that does something else too
    ready_seconds = 240.0

    def __init__(
        self,
        root: Path,
        *,
        host: str = "127.0.0.1",
        heap: str = "768m",
        seeds: Sequence[str] = (),
        encryption: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
        options: Mapping[str, str] | None = None,
        flags: Sequence[str] = (),
        bare: bool = False,
    ) -> None:
        """Describe a node that listens on ``host``.

        ``seeds`` are the ``host:port`` that nodes find each other by; none for the first.
        ``encryption`` is `client_encryption_options`; ``settings`` are further ones of
        cassandra.yaml, ``options`` further system properties, ``flags`` further ones of Java. A
        ``bare`` one is not given the project's keyspace, tables and role.
        """
        super().__init__(root)
        self.host = host
        self.heap = heap
        self.seeds = tuple(seeds)
        self.encryption = encryption
        self.settings = settings or {}
        self.options = options or {}
        self.flags = tuple(flags)
        self.bare = bare

    @property
    def url(self) -> str:
        """The address without a password."""
        return f"cassandra://{self.host}:{self.port}/{KEYSPACE}"

    @property
    def wanted(self) -> bool:
        """Whether it was started before: it takes Java, 66 MB of jars and a gigabyte of memory."""
        return self.placed

    @property
    def storage(self) -> str:
        """The ``host:port`` that other nodes find this one by."""
        return f"{self.host}:{(self.home / 'storage_port').read_text()}"

    @property
    def superuser(self) -> tuple[str, str]:
        """Name and password of the role that may do everything."""
        return _SUPERUSER, self.secret(_SUPERUSER)

    def prepare(self) -> None:
        """Write what does not change from start to start."""
        port = self.home / "storage_port"
        if not port.exists():
            write_private(port, str(free_port()))
        (self.home / "logback.xml").write_text(_LOGGING)

    def command(self, port: int) -> list[str]:
        """Return the server's command; it listens on the loopback interface only."""
        if (program := java()) is None:
            raise ServiceError(f"there is no Java for Cassandra here: {HOW_TO_GET_JAVA}")
        found = jars()
        [agent] = [jar for jar in found if jar.name.startswith("jamm-")]
        # JSON is YAML too.
        (self.home / "cassandra.yaml").write_text(json.dumps(self._configuration(port), indent=2))
        options = {
            "cassandra.config": (self.home / "cassandra.yaml").as_uri(),
            "cassandra.storagedir": str(self.home / "data"),
            "cassandra.logdir": str(self.home),
            "logback.configurationFile": str(self.home / "logback.xml"),
            "cassandra.superuser_setup_delay_ms": "0",
            "cassandra.ring_delay_ms": "5000" if self.seeds else "1",
            "cassandra.skip_wait_for_gossip_to_settle": "1" if self.seeds else "0",
            "cassandra.consistent.rangemovement": "false",
            "java.io.tmpdir": str(self.home),
            "jdk.attach.allowAttachSelf": "true",
            **self.options,
        }
        return [
            str(program),
            f"-javaagent:{agent}",
            f"-Xms{self.heap}",
            f"-Xmx{self.heap}",
            "-Xss512k",
            "-XX:+UseG1GC",
            *self.flags,
            *(f"--add-opens={name}=ALL-UNNAMED" for name in _OPENED),
            *(f"--add-exports={name}=ALL-UNNAMED" for name in _EXPORTED),
            *(f"-D{name}={value}" for name, value in options.items()),
            "-cp",
            ":".join(map(str, found)),
            "org.apache.cassandra.service.CassandraDaemon",
        ]

    def _configuration(self, port: int) -> dict[str, object]:
        seeds = ",".join(self.seeds or [self.storage])
        _, _, storage_port = self.storage.partition(":")
        return {
            "cluster_name": "mixtape",
            "num_tokens": 4,
            "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
            "endpoint_snitch": "SimpleSnitch",
            "seed_provider": [
                {
                    "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                    "parameters": [{"seeds": seeds}],
                }
            ],
            "listen_address": self.host,
            "rpc_address": self.host,
            "storage_port": int(storage_port),
            "native_transport_port": port,
            "authenticator": "PasswordAuthenticator",
            "authorizer": "CassandraAuthorizer",
            "role_manager": "CassandraRoleManager",
            # Kept for two seconds otherwise, in which a new password does not count.
            "credentials_validity": "0ms",
            "commitlog_sync": "periodic",
            "commitlog_sync_period": "1000ms",
            "memtable_heap_space": "128MiB",
            "memtable_offheap_space": "64MiB",
            "file_cache_size": "32MiB",
            "key_cache_size": "8MiB",
            "concurrent_writes": 16,
            "concurrent_reads": 8,
            "concurrent_compactors": 1,
            "hinted_handoff_enabled": True,
            "write_request_timeout": "10s",
            "read_request_timeout": "10s",
            "range_request_timeout": "20s",
            **({"client_encryption_options": dict(self.encryption)} if self.encryption else {}),
            **self.settings,
        }

    def address(self) -> dict[str, str]:
        """Return what the loader needs, with a role that may read and modify its keyspace only."""
        return {
            "CASSANDRA_CONTACT_POINTS": self.host,
            "CASSANDRA_PORT": str(self.port),
            "TARGET_CASSANDRA_CONTACT_POINTS": json.dumps([self.host]),
            "TARGET_CASSANDRA_PORT": str(self.port),
            "TARGET_CASSANDRA_LOCAL_DC": DATACENTER,
            "TARGET_CASSANDRA_USERNAME": LOADER,
            "TARGET_CASSANDRA_PASSWORD": self.secret(LOADER),
        }

    def ready(self) -> bool:
        """Tell whether the server lets the superuser in."""
        if not self.placed or not _listens(self.host, self.port):
            return False
        if self.encryption:
            return True
        try:
            with self.session():
                return True
        except (NoHostAvailable, DriverException):
            return False

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """Open a superuser's session, for as long as the block runs."""
        known = self.secret(_SUPERUSER)
        try:
            cluster, session = _connect([self.host], self.port, _SUPERUSER, known)
        except NoHostAvailable as error:
            causes = error.errors.values() if isinstance(error.errors, dict) else ()
            if not any(isinstance(one, AuthenticationFailed) for one in causes):
                raise
            # A new server has the password that everybody knows.
            cluster, session = _connect([self.host], self.port, _SUPERUSER, "cassandra")
            session.execute(f"ALTER ROLE {_SUPERUSER} WITH PASSWORD = %s", (known,))
        try:
            yield session
        finally:
            cluster.shutdown()

    def provision(self) -> None:
        """Make the keyspace with its tables, and the role that loads it."""
        if self.bare:
            return
        with self.session() as session:
            make_keyspace(session, KEYSPACE, LOADER, self.secret(LOADER), replication=_ONE)
            make_tables(session, KEYSPACE)


class GivenCassandra(Given):
    """The server at `CASSANDRA_CONTACT_POINTS`, with a keyspace and a role of its own."""

    name = "cassandra"
    title = "Cassandra"
    variable = "CASSANDRA_CONTACT_POINTS"
    port_variable = "CASSANDRA_PORT"

    @property
    def url(self) -> str:
        """The address without a password."""
        return f"cassandra://{os.environ[self.variable]}:{self._port}/{KEYSPACE}"

    @property
    def superuser(self) -> tuple[str, str]:
        """Name and password of a role that may make keyspaces and roles."""
        return (
            os.environ.get("CASSANDRA_USERNAME", _SUPERUSER),
            os.environ.get("CASSANDRA_PASSWORD", _SUPERUSER),
        )

    @property
    def _port(self) -> int:
        return int(os.environ.get(self.port_variable, "9042"))

    def address(self) -> dict[str, str]:
        """Return what the loader needs; what the environment says of each wins."""
        points = os.environ[self.variable].split(",")
        found = {
            self.variable: os.environ[self.variable],
            self.port_variable: str(self._port),
            "TARGET_CASSANDRA_CONTACT_POINTS": json.dumps(points),
            "TARGET_CASSANDRA_PORT": str(self._port),
            "TARGET_CASSANDRA_USERNAME": LOADER,
            "TARGET_CASSANDRA_PASSWORD": self._loader_password,
        }
        return {name: os.environ.get(name, value) for name, value in found.items()}

    @property
    def _loader_password(self) -> str:
        """The loader's password: whoever knows the superuser's knows it, and nobody stores it."""
        _, key = self.superuser
        return hmac.new(key.encode(), f"mixtape:{LOADER}".encode(), hashlib.sha256).hexdigest()

    def ready(self) -> bool:
        """Tell whether a contact point answers and lets us in."""
        with contextlib.suppress(NoHostAvailable, DriverException), self.session():
            return True
        return False

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """Open a session as `CASSANDRA_USERNAME`, for as long as the block runs."""
        points = os.environ[self.variable].split(",")
        with connected(points, self._port, *self.superuser) as session:
            yield session

    def provision(self) -> None:
        """Make the keyspace with its tables, and the role that loads it.

        Raises:
            ServiceError: the role of the environment may not make them.
        """
        try:
            with self.session() as session:
                (datacenter,) = session.execute("SELECT data_center FROM system.local").one()
                nodes = [
                    host
                    for host in session.cluster.metadata.all_hosts()
                    if host.datacenter == datacenter
                ]
                make_keyspace(
                    session,
                    KEYSPACE,
                    LOADER,
                    self._loader_password,
                    replication={datacenter: min(len(nodes), _REPLICAS)},
                )
                make_tables(session, KEYSPACE)
        except Unauthorized as error:
            raise ServiceError(
                f"{self.superuser[0]} may not set up keyspace {KEYSPACE} in Cassandra ({error}): "
                "give a role that may in CASSANDRA_USERNAME and CASSANDRA_PASSWORD, or have an "
                "administrator run orchestrate/deploy/cassandra/*.cql"
            ) from error


def make_keyspace(
    session: Session, keyspace: str, role: str, password: str, *, replication: Mapping[str, int]
) -> None:
    """Make a keyspace, and a role that may read and modify it and nothing else.

    ``replication`` says how many nodes of each data centre hold a row.
    """
    each = "".join(f", '{datacenter}': {count}" for datacenter, count in replication.items())
    session.execute(
        f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = "
        f"{{'class': 'NetworkTopologyStrategy'{each}}}"
    )
    session.execute(
        f"CREATE ROLE IF NOT EXISTS {role} WITH PASSWORD = %s AND LOGIN = true", (password,)
    )
    session.execute(f"ALTER ROLE {role} WITH PASSWORD = %s", (password,))
    for right in ("SELECT", "MODIFY"):
        session.execute(f"GRANT {right} ON KEYSPACE {keyspace} TO {role}")


def make_tables(session: Session, keyspace: str) -> None:
    """Make the project's tables in a keyspace, those that are not there."""
    script = project_root() / "orchestrate" / "deploy" / "cassandra" / "tables.cql"
    session.set_keyspace(keyspace)
    for statement in script.read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            session.execute(statement)


@contextlib.contextmanager
def connected(points: list[str], port: int, user: str, password: str) -> Iterator[Session]:
    """Open a session, for as long as the block runs."""
    cluster, session = _connect(points, port, user, password)
    try:
        yield session
    finally:
        cluster.shutdown()


def _connect(points: list[str], port: int, user: str, password: str) -> tuple[Cluster, Session]:
    # The data centre is that of whichever point answers first.
    policy = TokenAwarePolicy(DCAwareRoundRobinPolicy())
    profile = ExecutionProfile(load_balancing_policy=policy, request_timeout=_REQUEST_SECONDS)
    cluster = Cluster(
        points,
        port=port,
        # With version 5's checksums the driver has lost its place in a large answer (CRC mismatch).
        protocol_version=4,
        auth_provider=PlainTextAuthProvider(user, password),
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        connect_timeout=_CONNECT_SECONDS,
        control_connection_timeout=_CONNECT_SECONDS,
    )
    try:
        session = cluster.connect()
    except BaseException:
        cluster.shutdown()
        raise
    return cluster, session


def _listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0
