"""Two data centres: a load speaks to the nodes of its own, and the other one has the rows too."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING

import pytest

from mixtape.services.cassandra import Cassandra

from .conftest import Serving, coordinated, until
from .test_recovery import SCHEMA, TABLES, message

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cassandra.cluster import Session

    from .conftest import Json

pytestmark = pytest.mark.long

NAMES = ("east", "west")
ROWS = 200


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Cassandra]]:
    """A node in each data centre."""
    found: dict[str, Cassandra] = {}
    with contextlib.ExitStack() as stopped:
        for number, name in enumerate(NAMES, 1):
            root = tmp_path_factory.mktemp(name)
            place = root / "rackdc.properties"
            place.write_text(f"dc={name}\nrack=1\n")
            node = Cassandra(
                root,
                host=f"127.0.0.{number}",
                heap="512m",
                seeds=tuple(one.storage for one in found.values()),
                settings={
                    "authenticator": "AllowAllAuthenticator",
                    "authorizer": "AllowAllAuthorizer",
                    "endpoint_snitch": "GossipingPropertyFileSnitch",
                },
                options={"cassandra-rackdc.properties": place.as_uri()},
                bare=True,
            )
            node.start()
            stopped.callback(node.stop)
            found[name] = node
        yield found


@pytest.fixture
def session(nodes: dict[str, Cassandra]) -> Iterator[Session]:
    with nodes["east"].session() as opened:
        until(lambda: {host.datacenter for host in opened.hosts} == set(NAMES))
        yield opened


def serving(session: Session, nodes: dict[str, Cassandra], name: str) -> Serving:
    """Return a target that loads from one data centre, into both."""
    made = Serving.__new__(Serving)
    made.config = {
        # Whichever answers first tells the rest; the name says whom to speak to.
        "contact_points": [node.host for node in nodes.values()],
        "port": nodes[name].port,
        "local_dc": name,
        "keyspace": f"test_{uuid.uuid4().hex[:12]}",
        "create_keyspace": True,
        "replication": {"class": "NetworkTopologyStrategy", **dict.fromkeys(NAMES, 1)},
        "create_tables": True,
        "tables": TABLES,
        "run_id": "run-1",
    }
    return made


def held(session: Session, keyspace: str) -> int:
    return len(list(session.execute(f"SELECT id FROM {keyspace}.by_id", timeout=60)))


@pytest.mark.parametrize("name", NAMES)
def test_requests_go_to_the_local_data_centre_alone(
    nodes: dict[str, Cassandra], session: Session, name: str
) -> None:
    target = serving(session, nodes, name)
    rows: list[Json] = [message(n, ROWS) for n in range(ROWS)]
    assert target.load(SCHEMA, *rows).error is None
    asked = {one: coordinated(node, target.config["keyspace"]) for one, node in nodes.items()}
    assert {one for one, count in asked.items() if count} == {name}
    # LOCAL_QUORUM waits for one of them; the other is written to all the same.
    for node in nodes.values():
        with node.session() as local:
            until(lambda: held(local, target.config["keyspace"]) == ROWS)


def test_a_load_goes_on_without_the_other_data_centre(
    nodes: dict[str, Cassandra], session: Session, tmp_path: Path
) -> None:
    target = serving(session, nodes, "east")
    target.load(SCHEMA)
    nodes["west"].stop()
    try:
        rows: list[Json] = [message(n, ROWS) for n in range(ROWS)]
        until(lambda: [host.datacenter for host in session.hosts if host.is_up] == ["east"])
        assert target.load(SCHEMA, *rows).error is None
        assert held(session, target.config["keyspace"]) == ROWS
    finally:
        nodes["west"].start()
