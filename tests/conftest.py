"""Fixtures for every room: real services, each started once for a test run's worker."""

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
