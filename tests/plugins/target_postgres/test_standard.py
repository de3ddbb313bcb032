"""The SDK's standard target tests, and what the target says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import target_tests as classes
from singer_sdk.testing.runners import TargetTestRunner
from singer_sdk.testing.suites import target_tests
from singer_sdk.testing.target_tests import (
    TargetMultipleStateMessages,
    TargetRecordMissingRequiredProperty,
)
from singer_sdk.testing.templates import TargetTestTemplate

from singer_kit import plugin_definition
from target_postgres import TargetPostgres

if TYPE_CHECKING:
    from .conftest import Json, Warehouse

# The last two are not in the SDK's own list. TargetMultipleStateMessages expects the STATE of each
# three rows of a stream, as a target prints it that writes batches of so many; and as text, while
# the SDK's runner gives it parsed.
STANDARD: list[type[TargetTestTemplate]] = [
    *target_tests.tests,
    TargetRecordMissingRequiredProperty,
    TargetMultipleStateMessages,
]


class TextRunner(TargetTestRunner):
    """Keeps STATE as it was printed."""

    @staticmethod
    def _clean_sync_output(raw_records: str) -> list[Any]:
        return raw_records.splitlines()


RUNNERS: dict[type[TargetTestTemplate], type[TargetTestRunner]] = {
    TargetMultipleStateMessages: TextRunner
}
CONFIG: dict[type[TargetTestTemplate], Json] = {TargetMultipleStateMessages: {"batch_size_rows": 3}}


def test_all_18_of_the_sdks_classes_are_run() -> None:
    named = [
        one
        for one in vars(classes).values()
        if isinstance(one, type) and issubclass(one, TargetTestTemplate) and one.name
    ]
    assert len(set(STANDARD)) == 18
    assert set(STANDARD) == set(named)


@pytest.mark.parametrize("standard", STANDARD, ids=lambda test: test.name)
def test_standard(warehouse: Warehouse, standard: type[TargetTestTemplate]) -> None:
    config = warehouse.config | CONFIG.get(standard, {})
    runner = RUNNERS.get(standard, TargetTestRunner)(TargetPostgres, config=config)
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
