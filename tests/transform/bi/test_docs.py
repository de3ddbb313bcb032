"""`meltano invoke dbt:docs`: one page that leads from the sources to who uses the facts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from fixtures.fix_chromium import OpenWindow
    from transform.growing import Growing

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def documentation(
    published: Growing, project_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The page, made by Meltano."""
    target = tmp_path_factory.mktemp("docs")
    given = published.warehouse.environment
    folders = {"DBT_PROJECT_DIR", "DBT_PROFILES_DIR", "DBT_TARGET", "DBT_LOG_LEVEL_FILE"}
    done = subprocess.run(
        [BIN / "meltano", "--environment", "ci", "invoke", "dbt:docs"],
        cwd=project_root,
        env={
            **os.environ,
            **{key: said for key, said in given.items() if key not in folders},
            "DBT_TARGET_PATH": str(target),
            "DBT_LOG_PATH": str(target),
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return target / "static_index.html"


def test_lineage_leads_from_the_sources_to_every_exposure(documentation: Path) -> None:
    _, _, embedded = documentation.read_text().partition("{manifest:")
    manifest, _ = json.JSONDecoder().raw_decode(embedded)
    parents: dict[str, list[str]] = manifest["parent_map"]
    exposures = [name for name in parents if name.startswith("exposure.")]
    assert len(exposures) == 3
    for exposure in exposures:
        reached = _ancestors(exposure, parents)
        feeds = {name.split(".")[2] for name in reached if name.startswith("source.")}
        assert feeds == {"files", "mongo"}, exposure


def test_the_page_shows_an_exposure_with_its_models(
    documentation: Path, open_window: OpenWindow
) -> None:
    page = open_window().new_page()
    page.goto(f"{documentation.as_uri()}#!/exposure/exposure.mixtape.scene_dashboard")
    expect(page.get_by_role("heading", name="The scene")).to_be_visible()
    expect(page.locator("body")).to_contain_text("metric_plays")
    expect(page.locator("body")).to_contain_text("The mixtape maintainers")


def _ancestors(name: str, parents: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    left = [name]
    while left:
        new = set(parents.get(left.pop(), ())) - found
        found |= new
        left += new
    return found
