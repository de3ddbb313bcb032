"""The SDK's standard target tests, and what the target says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from singer_sdk.testing.runners import TargetTestRunner
from singer_sdk.testing.suites import target_tests
from singer_sdk.testing.target_tests import (
    TargetNoPrimaryKeys,
    TargetSchemaNoProperties,
)

from singer_kit import plugin_definition
from target_cassandra import TargetCassandra

if TYPE_CHECKING:
    from singer_sdk.testing.templates import TargetTestTemplate

    from .conftest import Serving

# TargetMultipleStateMessages is not in the SDK's own suite: it expects three STATE messages that
# only a target which drains at the SDK's batch boundaries prints. Two of the suite cannot apply,
# nor can TargetRecordMissingRequiredProperty: they send streams without a key and nothing that
# could be one, and a Cassandra row is its key. Such a stream is refused (test_tables.py).
WITHOUT_KEY = (TargetNoPrimaryKeys, TargetSchemaNoProperties)
STANDARD: list[type[TargetTestTemplate]] = [
    test for test in target_tests.tests if test not in WITHOUT_KEY
]

# A stream without a key, and one whose name is none for a table: the settings say what to do.
TABLES: dict[str, list[dict[str, object]]] = {
    "pk_updates": [
        {
            "stream": "example_stream",
            "table": "example",
            "partition_key": ["id"],
            "moves": False,
        }
    ],
    "special_chars_in_attributes": [
        {
            "stream": "test:SpecialChars!in?attributes",
            "table": "special",
            "partition_key": ["_id"],
        }
    ],
}


@pytest.mark.parametrize("standard", STANDARD, ids=lambda test: test.name)
def test_standard(serving: Serving, standard: type[TargetTestTemplate]) -> None:
    config = serving.config | {"on_schema_change": "add_column"}
    if standard.name in TABLES:
        config["tables"] = TABLES[standard.name]
    runner = TargetTestRunner(TargetCassandra, config=config)
    try:
        standard().run(config=None, resource=None, runner=runner)  # type: ignore[arg-type]
    finally:
        if runner.input_filepath is not None:
            runner.target_input.close()  # the runner opens it and leaves it open


def test_what_meltano_and_readers_are_told_is_what_the_target_says() -> None:
    for name in plugin_definition.CONNECTORS["target_cassandra"]:
        text = (plugin_definition.ROOT / name).read_text(encoding="utf-8")
        assert plugin_definition.filled(text, TargetCassandra) == text


def test_secrets_are_marked() -> None:
    properties = TargetCassandra.config_jsonschema["properties"]
    secret = {name for name, schema in properties.items() if schema.get("secret")}
    assert secret == {"password"}
