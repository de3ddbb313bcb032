"""What the jobs that load Cassandra are given of it."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest

from mixtape.services.cassandra import DATACENTER, make_keyspace, make_tables

if TYPE_CHECKING:
    from fixtures.fix_cassandra import Keyspace


@pytest.fixture
def cassandra_loader(keyspace: Keyspace) -> dict[str, str]:
    """What a run is given of Cassandra: tables that are there, and a role with two rights."""
    role, password = f"loader_{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    make_keyspace(keyspace.session, keyspace.name, role, password, replication={DATACENTER: 1})
    make_tables(keyspace.session, keyspace.name)
    return {
        "TARGET_CASSANDRA_CONTACT_POINTS": json.dumps(keyspace.settings["contact_points"]),
        "TARGET_CASSANDRA_PORT": str(keyspace.settings["port"]),
        "TARGET_CASSANDRA_LOCAL_DC": str(keyspace.settings["local_dc"]),
        "TARGET_CASSANDRA_KEYSPACE": keyspace.name,
        "TARGET_CASSANDRA_USERNAME": role,
        "TARGET_CASSANDRA_PASSWORD": password,
    }
