"""Cassandra on one machine: jars that are checked, a server with a role that may do little."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cassandra import Unauthorized

from mixtape import demo, services
from mixtape.services import cassandra_jars
from mixtape.services.base import ServiceError
from mixtape.services.cassandra import (
    KEYSPACE,
    Cassandra,
    GivenCassandra,
    connected,
)


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
    assert {path.suffix for path in (tmp_path / "cache" / "mixtape").iterdir()} == {".lock"}


def test_the_loaders_role_may_read_and_modify_its_keyspace_and_nothing_else(
    cassandra: Cassandra | GivenCassandra,
) -> None:
    if isinstance(cassandra, GivenCassandra):
        pytest.fail("the role is made by `mixtape up`: unset CASSANDRA_CONTACT_POINTS")
    address = cassandra.address()
    with cassandra.session() as admin:
        admin.execute(f"CREATE TABLE {KEYSPACE}.probe (id int PRIMARY KEY)", timeout=60)
        try:
            with connected(
                json.loads(address["TARGET_CASSANDRA_CONTACT_POINTS"]),
                int(address["TARGET_CASSANDRA_PORT"]),
                address["TARGET_CASSANDRA_USERNAME"],
                address["TARGET_CASSANDRA_PASSWORD"],
            ) as session:
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
            admin.execute(f"DROP TABLE {KEYSPACE}.probe", timeout=60)


def test_a_given_server_is_filled_with_keyspace_tables_and_role(
    cassandra: Cassandra | GivenCassandra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(cassandra, GivenCassandra):
        pytest.fail("this gives away a server of our own: unset CASSANDRA_CONTACT_POINTS")
    user, password = cassandra.superuser
    monkeypatch.setenv("CASSANDRA_CONTACT_POINTS", cassandra.host)
    monkeypatch.setenv("CASSANDRA_PORT", str(cassandra.port))
    monkeypatch.setenv("CASSANDRA_USERNAME", user)
    monkeypatch.setenv("CASSANDRA_PASSWORD", password)
    given = services.cassandra(tmp_path)
    assert isinstance(given, GivenCassandra)
    try:
        given.start()
        address = given.address()
        with connected(
            json.loads(address["TARGET_CASSANDRA_CONTACT_POINTS"]),
            int(address["TARGET_CASSANDRA_PORT"]),
            address["TARGET_CASSANDRA_USERNAME"],
            address["TARGET_CASSANDRA_PASSWORD"],
        ) as session:
            assert session.execute(f"SELECT * FROM {KEYSPACE}.lyrics_by_id LIMIT 1").one() is None
            with pytest.raises(Unauthorized):
                session.execute(f"DROP TABLE {KEYSPACE}.lyrics_by_id")
        monkeypatch.setenv("CASSANDRA_USERNAME", address["TARGET_CASSANDRA_USERNAME"])
        monkeypatch.setenv("CASSANDRA_PASSWORD", address["TARGET_CASSANDRA_PASSWORD"])
        with pytest.raises(ServiceError, match="may not set up keyspace rap"):
            services.cassandra(tmp_path).provision()
    finally:
        cassandra.provision()


def test_addresses_that_env_printed_are_known_as_our_own(
    cassandra: Cassandra | GivenCassandra, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(cassandra, GivenCassandra):
        pytest.fail("this looks at a server of our own: unset CASSANDRA_CONTACT_POINTS")
    root = cassandra.home.parent
    for name, value in cassandra.address().items():
        monkeypatch.setenv(name, value)
    assert isinstance(services.cassandra(root), Cassandra)
    monkeypatch.setenv("CASSANDRA_PORT", "9042")
    assert isinstance(services.cassandra(root), GivenCassandra)


@pytest.mark.parametrize(
    ("environment", "has_java", "serves"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"CASSANDRA": "1"}, False, True),
        ({"CASSANDRA": "0"}, True, False),
        ({"CASSANDRA_CONTACT_POINTS": "127.0.0.1"}, False, True),
    ],
)
def test_the_demo_serves_where_java_is_or_where_it_is_told_to(
    environment: dict[str, str],
    *,
    has_java: bool,
    serves: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("CASSANDRA", "CASSANDRA_CONTACT_POINTS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(demo, "machine_java", lambda: Path("java") if has_java else None)
    assert demo.serves() is serves
