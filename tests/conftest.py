"""Fixtures for every room: real services, each started once for a test run.

`make test` spreads the rooms over several workers (`-n`), each with services of its own. What
is dear to start or to build stays with one worker.
"""

from __future__ import annotations

import os

import pytest

pytest_plugins = [
    "fixtures.fix_services",
    "fixtures.fix_postgres",
    "fixtures.fix_postgres_tls",
    "fixtures.fix_pgbouncer",
    "fixtures.fix_object_store",
    "fixtures.fix_cassandra",
    "fixtures.fix_mongodb",
    "fixtures.fix_meltano",
    "fixtures.fix_chromium",
]


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tell each test the group that it shares a worker with."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))


def _group(item: pytest.Item) -> str:
    """Return its file's name, or that of what is too dear, or disturbed, to be there twice."""
    fixtures = set(getattr(item, "fixturenames", ()))
    if "cassandra" in fixtures:
        return "cassandra"
    # Tests let a server fail; one that is given is every worker's.
    if "mongodb" in fixtures and os.environ.get("MONGODB_URI"):
        return "mongodb"
    room = item.path.relative_to(item.config.rootpath / "tests").parts
    return "transform" if room[0] == "transform" else "/".join(room)
