"""Fixtures for every room: real services, each started once for a test run's worker."""

from __future__ import annotations

import gc

import pytest

# Helpers assert too, and what was found is to be seen.
pytest.register_assert_rewrite("e2e", "fixtures", "orchestrate", "plugins", "transform")

pytest_plugins = [
    "fixtures.spread",
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


def pytest_collection_finish() -> None:
    """Keep what was collected out of every search for garbage: it stays until the end."""
    gc.collect()
    gc.freeze()
