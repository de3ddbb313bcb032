"""Settings as they come: from a file as JSON has them, from the environment as text."""

from __future__ import annotations

import pytest

from singer_kit.errors import ConfigError
from target_cassandra import TargetCassandra

CONFIG = {"keyspace": "rap", "contact_points": ["localhost"]}


@pytest.mark.parametrize(("given", "meant"), [("7.5", 7.5), ("30", 30.0), (2, 2), (0.5, 0.5)])
def test_a_number_may_come_as_text(given: object, meant: float) -> None:
    target = TargetCassandra(config={**CONFIG, "request_timeout_seconds": given})
    assert target.config["request_timeout_seconds"] == meant


@pytest.mark.parametrize("given", ["soon", "", "nan", "inf", "1_0 s"])
def test_text_that_is_no_number_is_named_with_its_setting(given: str) -> None:
    with pytest.raises(ConfigError, match="setting 'request_timeout_seconds'"):
        TargetCassandra(config={**CONFIG, "request_timeout_seconds": given})


def test_text_stays_text_where_the_setting_is_no_number() -> None:
    assert TargetCassandra(config={**CONFIG, "username": "7.5"}).config["username"] == "7.5"
