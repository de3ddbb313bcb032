"""Cassandra on one machine: jars that are checked, a server with a role that may do little."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cassandra import Unauthorized
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import DCAwareRoundRobinPolicy

from mixtape.services import cassandra_jars
from mixtape.services.base import ServiceError
from mixtape.services.cassandra import DATACENTER, KEYSPACE, Cassandra, GivenCassandra

if TYPE_CHECKING:
    from pathlib import Path


def test_jars_are_those_of_the_lock() -> None:
    named = [line for line in cassandra_jars.LOCK.read_text().splitlines() if line[0] != "#"]
    found = cassandra_jars.jars()
    assert len(found) == len(named)
    assert "cassandra-all-5.0.4.jar" in {jar.name for jar in found}


def test_a_jar_with_another_checksum_is_refused_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "cassandra.lock"
    lock.write_text(f"# one\njavax.inject:javax.inject:1 {'0' * 64}\n")
    monkeypatch.setattr(cassandra_jars, "LOCK", lock)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(ServiceError, match=r"javax\.inject:javax\.inject:1 has the checksum 91c7"):
        cassandra_jars.jars()
    assert list((tmp_path / "cache" / "mixtape").iterdir()) == []


def test_the_loaders_role_may_read_and_modify_its_keyspace_and_nothing_else(
    cassandra: Cassandra | GivenCassandra,
) -> None:
    if isinstance(cassandra, GivenCassandra):
        pytest.fail("the role is made by `mixtape up`: unset CASSANDRA_CONTACT_POINTS")
    address = cassandra.address()
    profile = ExecutionProfile(DCAwareRoundRobinPolicy(DATACENTER), request_timeout=30)
    cluster = Cluster(
        json.loads(address["TARGET_CASSANDRA_CONTACT_POINTS"]),
        port=int(address["TARGET_CASSANDRA_PORT"]),
        protocol_version=5,
        auth_provider=PlainTextAuthProvider(
            address["TARGET_CASSANDRA_USERNAME"], address["TARGET_CASSANDRA_PASSWORD"]
        ),
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
    )
    with cassandra.session() as admin:
        admin.execute(f"CREATE TABLE {KEYSPACE}.probe (id int PRIMARY KEY)", timeout=60)
        try:
            session = cluster.connect()
            session.execute(f"INSERT INTO {KEYSPACE}.probe (id) VALUES (1)")
            assert session.execute(f"SELECT id FROM {KEYSPACE}.probe").one().id == 1
            for statement in (
                f"CREATE TABLE {KEYSPACE}.other (id int PRIMARY KEY)",
                f"ALTER TABLE {KEYSPACE}.probe ADD name text",
                f"DROP TABLE {KEYSPACE}.probe",
                "CREATE KEYSPACE other WITH replication = {'class': 'SimpleStrategy'}",
                "SELECT * FROM system_auth.roles",
                "CREATE ROLE other",
            ):
                with pytest.raises(Unauthorized):
                    session.execute(statement)
        finally:
            cluster.shutdown()
            admin.execute(f"DROP TABLE {KEYSPACE}.probe", timeout=60)
