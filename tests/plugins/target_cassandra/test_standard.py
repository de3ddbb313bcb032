"""The SDK's standard target tests, and what the target says of itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from singer_sdk.testing.runners import TargetTestRunner
from singer_sdk.testing.suites import target_tests
from singer_sdk.testing.target_tests import (
    TargetMultipleStateMessages,
    TargetRecordMissingRequiredProperty,
)

from singer_kit import plugin_definition
from target_cassandra import TargetCassandra

if TYPE_CHECKING:
    from singer_sdk.testing.templates import TargetTestTemplate

    from .conftest import Serving


class TargetStatesInOrder(TargetMultipleStateMessages):
    """As it is, but for which STATE messages are printed.

    Its three are those of a target that drains where the SDK's sinks do. Here one is printed for
    each checkpoint, and a checkpoint may cover several: what holds is the order, and the last.
    """

    def test(self) -> None:
        """Run test."""
        self.runner.sync_all()
        lines = self.singer_filepath.read_text(encoding="utf-8").splitlines()
        messages = [json.loads(line) for line in lines]
        given = [one["value"] for one in messages if one["type"] == "STATE"]
        printed = list(self.runner.state_messages)
        assert printed == [one for one in given if one in printed]
        assert printed[-1] == given[-1]


# The SDK's suite, and the two classes that it has beside it.
STANDARD: list[type[TargetTestTemplate]] = [
    *target_tests.tests,
    TargetStatesInOrder,
    TargetRecordMissingRequiredProperty,
]

# Streams without a key, and one whose name is none for a table: the settings say what to do.
TABLES: dict[str, list[dict[str, object]]] = {
    "no_primary_keys": [
        {"stream": "test_no_pk", "table": "no_pk", "partition_key": ["id"], "moves": False}
    ],
    "schema_no_properties": [
        {"stream": stream, "table": stream, "partition_key": ["object_store"], "moves": False}
        for stream in (
            "test_object_schema_with_properties",
            "test_object_schema_no_properties",
        )
    ],
    "record_missing_required_property": [
        {
            "stream": "test_record_missing_required_property",
            "table": "missing",
            "partition_key": ["id"],
            "moves": False,
        }
    ],
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
    config = serving.config | {
        "on_schema_change": "add_column",
        # A record without its key is kept apart, as any that cannot be stored.
        "on_invalid_record": "quarantine"
        if standard is TargetRecordMissingRequiredProperty
        else "fail",
    }
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
    assert secret == {"password", "password_file"}
