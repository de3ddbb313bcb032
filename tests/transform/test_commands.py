"""dbt is reached through Meltano's named commands, and the project parses and lints clean."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from transform.rap_files import RapFiles
    from transform.warehouse import Warehouse

BIN = Path(sys.executable).parent


def meltano(
    project_root: Path, warehouse: Warehouse, cwd: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run Meltano with dbt pointed at the warehouse by the environment that people set."""
    dbt_only = {"DBT_PROJECT_DIR", "DBT_PROFILES_DIR", "DBT_TARGET", "DBT_LOG_LEVEL_FILE"}
    environment = {k: v for k, v in warehouse.environment.items() if k not in dbt_only}
    return subprocess.run(
        [BIN / "meltano", "--environment", "ci", *arguments],
        cwd=cwd,
        env={
            **os.environ,
            **environment,
            "DBT_LOG_PATH": str(warehouse.target.parent / "meltano-logs"),
            "DBT_TARGET_PATH": str(warehouse.target.parent / "meltano-target"),
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_named_command_works_from_any_folder_and_says_how_fresh_the_loads_are(
    project_root: Path, warehouse: Warehouse, files: RapFiles
) -> None:
    files.finish_load()
    done = meltano(project_root, warehouse, project_root / "docs", "invoke", "dbt:freshness")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS freshness of files.lyrics" in done.stdout
    assert "target='ci'" in done.stdout


def test_a_failing_dbt_command_fails_the_run(
    project_root: Path, warehouse: Warehouse, files: RapFiles
) -> None:
    files.age_loads(timedelta(days=1))
    done = meltano(project_root, warehouse, project_root, "run", "dbt:freshness")
    files.finish_load()
    assert done.returncode == 1
    assert "ERROR STALE" in done.stdout + done.stderr


def test_schedulers_carry_no_dbt_flags(project_root: Path) -> None:
    ours = yaml.safe_load((project_root / "transform/transformers.meltano.yml").read_text())
    (plugin,) = [each for each in ours["plugins"]["utilities"] if each["name"] == "dbt"]
    jobs = yaml.safe_load((project_root / "orchestrate/jobs.meltano.yml").read_text())["jobs"]
    steps = [step for job in jobs for task in job["tasks"] for step in task.split()]
    dbt_steps = {step for step in steps if step.startswith("dbt")}
    assert dbt_steps
    assert dbt_steps <= {f"dbt:{name}" for name in plugin["commands"]}


def test_the_project_parses_without_a_warning(warehouse: Warehouse) -> None:
    done = subprocess.run(
        [BIN / "dbt", "--warn-error", "parse", "--no-partial-parse", "--show-all-deprecations"],
        env={**os.environ, **warehouse.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "warning" not in done.stdout.lower()
    assert "deprecat" not in done.stdout.lower()


def test_sql_is_lint_clean_with_no_excluded_rule(project_root: Path) -> None:
    done = subprocess.run(
        [BIN / "sqlfluff", "lint", "--nocolor", "transform"],
        cwd=project_root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "exclude_rules" not in (project_root / "transform" / ".sqlfluff").read_text()
    for path in (project_root / "transform").rglob("*.sql"):
        if "target" not in path.parts:
            assert "noqa" not in path.read_text(), path


def test_sql_is_linted_as_dbt_makes_it(
    project_root: Path, warehouse: Warehouse, tmp_path: Path
) -> None:
    narrow = tmp_path / "narrow.cfg"
    narrow.write_text("[sqlfluff]\nmax_line_length = 20\nrules = LT05\n")
    model = "transform/models/marts/artists/dim_artists.sql"
    done = subprocess.run(
        [sys.executable, "-m", "mixtape.lint", "--nocolor", "--config", narrow, model],
        cwd=project_root,
        env={
            **os.environ,
            "POSTGRES_URI": warehouse.uri,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "LT05" in done.stdout
    assert "dbt templater" in done.stdout + done.stderr
