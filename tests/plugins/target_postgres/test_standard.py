"""The SDK's standard target tests, and what the target says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from singer_sdk.testing.runners import TargetTestRunner
from singer_sdk.testing.suites import target_tests
from singer_sdk.testing.target_tests import TargetRecordMissingRequiredProperty

from singer_kit import plugin_definition
from target_postgres import TargetPostgres

if TYPE_CHECKING:
    from singer_sdk.testing.templates import TargetTestTemplate

    from .conftest import Warehouse

# TargetMultipleStateMessages is not in the SDK's own suite: it expects three STATE messages that
# only a target which drains at the SDK's batch boundaries prints. Which STATE is printed when is
# held by test_state.py.
STANDARD: list[type[TargetTestTemplate]] = [
    *target_tests.tests,
    TargetRecordMissingRequiredProperty,
]


@pytest.mark.parametrize("standard", STANDARD, ids=lambda test: test.name)
def test_standard(warehouse: Warehouse, standard: type[TargetTestTemplate]) -> None:
    runner = TargetTestRunner(TargetPostgres, config=warehouse.config)
    try:
        standard().run(config=None, resource=None, runner=runner)  # type: ignore[arg-type]
    finally:
        if runner.input_filepath is not None:
            runner.target_input.close()  # the runner opens it and leaves it open


def test_what_meltano_and_readers_are_told_is_what_the_target_says() -> None:
    for name in plugin_definition.CONNECTORS["target_postgres"]:
        text = (plugin_definition.ROOT / name).read_text(encoding="utf-8")
        assert plugin_definition.filled(text, TargetPostgres) == text


def test_secrets_are_marked() -> None:
    properties = TargetPostgres.config_jsonschema["properties"]
    secret = {name for name, schema in properties.items() if schema.get("secret")}
    assert secret == {
        "password",
        "password_file",
        "sqlalchemy_url",
        "ssl_client_private_key",
    }
