"""What Meltano and the documentation say of a connector is what it says of itself."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import yaml
from meltano.core.setting_definition import SettingKind

from singer_kit.plugin_definition import definition, filled, plugin_of, table
from tap_files import TapFiles

TEXT = """\
plugins:
  - name: tap-files
    # begin generated from tap-files --about
    settings: []
    # end generated
    # by hand
    config: {bucket: raps}
"""


def test_the_files_are_in_step() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "singer_kit.plugin_definition", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_only_what_is_marked_is_replaced() -> None:
    text = filled(TEXT, TapFiles)
    assert text.endswith("    # end generated\n    # by hand\n    config: {bucket: raps}\n")
    assert text.startswith("plugins:\n  - name: tap-files\n    # begin generated")
    assert filled(text, TapFiles) == text
    (plugin,) = yaml.safe_load(text)["plugins"]
    assert plugin["config"] == {"bucket": "raps"}
    assert {setting["name"] for setting in plugin["settings"]} == set(
        TapFiles.config_jsonschema["properties"]
    )


def test_a_file_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="begin generated from tap-files"):
        filled("plugins: []\n", TapFiles)


@pytest.mark.parametrize("package", ["tap_files", "target_postgres"])
def test_every_setting_has_a_kind_that_meltano_knows(package: str) -> None:
    said: dict[str, Any] = yaml.safe_load(definition(plugin_of(package)))
    kinds = {str(kind) for kind in SettingKind}
    for setting in said["settings"]:
        assert setting["kind"] in kinds
        assert setting["description"]
        assert ("options" in setting) == (setting["kind"] == "options")
        secret = any(word in setting["name"] for word in ("password", "secret", "token"))
        assert setting.get("sensitive", False) >= secret


def test_the_table_has_every_setting() -> None:
    rows = table(TapFiles).splitlines()[2:]
    names = [row.split("`")[1] for row in rows]
    assert names == list(TapFiles.config_jsonschema["properties"])
    assert any("`bucket` | string | required |" in row for row in rows)
    assert any("`protocol` | `s3`/`file` | `s3` |" in row for row in rows)
