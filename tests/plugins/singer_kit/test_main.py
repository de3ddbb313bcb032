"""How a connector's process ends: exit code, and one line for whoever looks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

PLUGIN = """
import json, os, sys
from singer_sdk import Tap, typing as th
from singer_kit import errors, main
from singer_kit.plugin import Connector

class TapTest(Connector, Tap):
    name = "tap-test"
    config_jsonschema = th.PropertiesList(
        th.Property("kind", th.StringType, required=True),
        th.Property("password", th.StringType, secret=True),
    ).to_dict()

    def discover_streams(self):
        return []

    def sync_all(self):
        kind = self.config["kind"]
        self.logger.info("running")
        if kind == "pipe":
            raise BrokenPipeError
        if kind == "unforeseen":
            raise ValueError("what is this")
        if kind != "ok":
            raise getattr(errors, kind)("what; where; what to do")

main.run(TapTest)
"""


def run(tmp_path: Any, config: dict[str, Any], *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    paths = os.pathsep.join(part for part in sys.path if part)
    done = subprocess.run(
        [sys.executable, "-c", PLUGIN, "--config", str(path), *arguments],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
    )
    assert done.stdout == b""
    return done.returncode, [json.loads(line) for line in done.stderr.splitlines()]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("ok", 0),
        ("ConnectorError", 1),
        ("ConfigError", 2),
        ("SourceUnreachableError", 3),
        ("HistoryLostError", 4),
        ("ContractExceededError", 5),
        ("TargetWriteError", 6),
        ("pipe", 6),
    ],
)
def test_each_kind_of_end_has_its_code_and_one_line(tmp_path: Any, kind: str, code: int) -> None:
    found, log = run(tmp_path, {"kind": kind})
    assert found == code
    errors = [line for line in log if line["level"] == "error"]
    said = [(line["app_name"], line["extra"]["error"], line["message"]) for line in errors]
    told = kind.endswith("Error")
    assert said == ([("tap-test", kind, "what; where; what to do")] if told else [])


def test_what_nobody_foresaw_comes_with_its_trace(tmp_path: Any) -> None:
    code, log = run(tmp_path, {"kind": "unforeseen"})
    assert code == 1
    assert log[-1]["message"] == "unexpected: what is this"
    assert log[-1]["exception"]["traceback"]


@pytest.mark.parametrize(
    ("config", "arguments", "said"),
    [
        ({}, [], "'kind' is a required property"),
        ({"kind": 5}, [], "'kind': 5 is not of type"),
        ({"kind": "ok", "password": 12345}, [], "setting 'password': must be"),
        ({"kind": "ok"}, ["--config", "/no/such/file"], "/no/such/file"),
        ({"kind": "ok"}, ["--nonsense"], "--nonsense"),
    ],
)
def test_wrong_settings_end_with_2_and_quote_no_secret(
    tmp_path: Any, config: dict[str, Any], arguments: list[str], said: str
) -> None:
    code, log = run(tmp_path, config, *arguments)
    assert code == 2
    assert said in log[-1]["message"]
    assert "12345" not in json.dumps(log)


def test_a_setting_that_nobody_knows_is_named(tmp_path: Any) -> None:
    code, log = run(tmp_path, {"kind": "ok", "knid": 1})
    assert code == 0
    assert any("'knid'" in line.get("message", "") for line in log)
