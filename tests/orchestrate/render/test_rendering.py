"""What `mixtape render` writes: in step, the same each time, and little for a little change."""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import yaml

from mixtape.cli import main
from mixtape.render.tree import FOLDER, HEADER, committed, rendered
from orchestrate.render.deployment import deployment
from orchestrate.render.projects import CLUSTERS, JOBS

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrate.render.conftest import MakeFiles

ENVIRONMENTS = 6
CLUSTERS_OF_A_FIELD = 14
SCHEDULES = 2500
RENDER_SECONDS = 3
"""Of processor time, where a million additions take `ADDITIONS_SECONDS`; elsewhere in proportion.

How fast a shared machine is changes threefold within hours, its processor time with it.
"""
ADDITIONS_SECONDS = 0.06
TIMES_A_TENTH = 25
"""What all may cost beside a tenth of them: ten, were it only the schedules; a hundred, squared."""


def test_committed_manifests_are_in_step(project_root: Path) -> None:
    assert rendered(project_root) == committed(project_root)


def test_check_shows_a_drift_and_fails(make_files: MakeFiles, mixtape: Mixtape) -> None:
    root = make_files()
    assert mixtape(root, "render").returncode == 0
    assert mixtape(root, "render", "--check").returncode == 0
    path = root / FOLDER / "overlays" / "one" / "cron-workflows.yaml"
    text = path.read_text()
    path.write_text(text.replace("concurrencyPolicy: Forbid", "concurrencyPolicy: Allow", 1))
    check = mixtape(root, "render", "--check")
    assert check.returncode == 1
    assert "-  concurrencyPolicy: Allow" in check.stdout
    assert "+  concurrencyPolicy: Forbid" in check.stdout
    assert "mixtape render" in check.stderr
    assert "Allow" in path.read_text(), "a check writes nothing"
    assert mixtape(root, "render").returncode == 0
    assert path.read_text() == text


def test_refusal_is_one_line_a_fault_and_exits_2(make_files: MakeFiles, mixtape: Mixtape) -> None:
    root = make_files(jobs=JOBS.replace("@hourly", "@once"))
    refused = mixtape(root, "render")
    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    assert line.startswith("mixtape: jobs.meltano.yml:")
    assert not (root / FOLDER).exists()


def test_files_of_a_cluster_that_is_gone_go_too(make_files: MakeFiles, mixtape: Mixtape) -> None:
    root = make_files()
    mixtape(root, "render")
    by_hand = root / FOLDER / "platform" / "own.yaml"
    by_hand.parent.mkdir()
    by_hand.write_text("kind: ConfigMap\n")
    make_files(clusters=CLUSTERS.partition("  - name: two")[0])
    assert "overlays/two" in mixtape(root, "render", "--check").stdout
    mixtape(root, "render")
    assert not (root / FOLDER / "overlays" / "two").exists()
    assert by_hand.exists()
    assert mixtape(root, "render", "--check").returncode == 0


def test_rendering_twice_gives_the_same_bytes(make_files: MakeFiles) -> None:
    root = make_files()
    assert rendered(root) == rendered(root)


def test_every_generated_file_says_so(make_files: MakeFiles) -> None:
    for text in rendered(make_files()).values():
        assert text.startswith(HEADER)


def test_field_of_2500_schedules_over_14_clusters(make_files: MakeFiles) -> None:
    fields = {"meltano": _field_environments(), "clusters": _field_clusters()}
    seconds = []
    for schedules in (SCHEDULES // 10, SCHEDULES):
        root = make_files(jobs=_field_jobs(schedules), **fields)
        seconds.append(min(_render_seconds(root) for _ in range(3)))
    assert seconds[1] < TIMES_A_TENTH * seconds[0]
    assert seconds[1] < RENDER_SECONDS
    files = rendered(root)
    crons = [text for name, text in files.items() if name.endswith("cron-workflows.yaml")]
    names = [re.findall(r"^  name: (\S+)$", text, re.MULTILINE) for text in crons]
    assert len(crons) == CLUSTERS_OF_A_FIELD
    assert {len(found) // 10 for found in names} == {17}, "spread over the clusters"
    assert len({name for found in names for name in found}) == SCHEDULES
    assert sum(text.count("\nkind: CronWorkflow\n") for text in crons) == SCHEDULES
    locks = re.findall(r"name: lock-1\n +value: (\S+)", "".join(crons))
    assert len(set(locks)) == len(locks) == SCHEDULES, "each source writes its own schema"
    templates = files[f"{FOLDER}/base/workflow-templates.yaml"]
    assert len(templates) < 100_000, "templates do not grow with schedules"


def _render_seconds(root: Path) -> float:
    """Return the processor time of a rendering, at the speed that the bound was set for.

    A machine that others use too changes its speed from second to second.
    """
    before = _additions_seconds()
    began = time.process_time()
    rendered(root)
    seconds = time.process_time() - began
    speed = (before + _additions_seconds()) / 2 / ADDITIONS_SECONDS
    return seconds / max(1.0, speed)


def _additions_seconds() -> float:
    """Return the processor time of a million additions, here and now."""
    began = time.process_time()
    total = 0
    for number in range(1_000_000):
        total += number
    return time.process_time() - began


def test_adding_a_schedule_changes_one_file(make_files: MakeFiles) -> None:
    fields = {"meltano": _field_environments(), "clusters": _field_clusters()}
    before = rendered(make_files(jobs=_field_jobs(140), **fields))
    after = rendered(make_files(jobs=_field_jobs(141), **fields))
    changed = [name for name in after if after[name] != before.get(name)]
    assert changed == [f"{FOLDER}/overlays/cluster-0/cron-workflows.yaml"]
    assert before.keys() == after.keys()
    removed = set(before[changed[0]].splitlines()) - set(after[changed[0]].splitlines())
    assert not removed


def test_steps_have_the_accounts_and_locks_of_the_plugins_they_speak_for(
    make_files: MakeFiles,
) -> None:
    found = deployment(make_files(), "one").one("WorkflowTemplate", "meltano-everything")["spec"]
    tasks = {task["name"]: task for each in found["templates"] for task in _tasks(each)}
    assert list(tasks) == [
        "load-steps-check",
        "load-steps-manifest-tap-files-target-postgres",
        "tap-mongodb-target-postgres--mongo",
        "dbt-build",
    ]
    assert [task.get("dependencies") for task in tasks.values()] == [
        None,
        *([name] for name in list(tasks)[:-1]),
    ]
    accounts = {each["name"]: each.get("serviceAccountName") for each in found["templates"]}
    for name in list(tasks)[:2]:
        assert accounts[name] == "meltano-tap-files-target-postgres"
        given = {each["name"]: each["value"] for each in tasks[name]["arguments"]["parameters"]}
        assert given["lock-1"] == "postgres-raw-files"


def _tasks(template: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = template.get("dag", {}).get("tasks", [])
    return found


@dataclass
class Ended:
    """What a command left."""

    returncode: int
    stdout: str
    stderr: str


class Mixtape(Protocol):
    """Runs the `mixtape` command in a project."""

    def __call__(self, root: Path, *arguments: str) -> Ended:
        """Return what it left."""
        ...


@pytest.fixture
def mixtape(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mixtape:
    def run(root: Path, *arguments: str) -> Ended:
        monkeypatch.chdir(root)
        monkeypatch.setattr(sys, "argv", ["mixtape", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return run


def _field_environments() -> str:
    return yaml.safe_dump(
        {
            "include_paths": ["jobs.meltano.yml"],
            "environments": [{"name": f"prod-{number}"} for number in range(ENVIRONMENTS)],
        }
    )


def _field_jobs(schedules: int) -> str:
    """Return a source for each schedule: a loader with a schema, a job, a schedule."""
    numbers = range(schedules)
    sources = [f"c{number % CLUSTERS_OF_A_FIELD}-source-{number}" for number in numbers]
    return yaml.dump(
        {
            "plugins": {
                "extractors": [{"name": "tap-files"}],
                "loaders": [
                    {"name": "target-postgres"},
                    *(
                        {
                            "name": f"target-postgres--{source}",
                            "inherit_from": "target-postgres",
                            "config": {"default_target_schema": f"raw_{source}"},
                        }
                        for source in sources
                    ),
                ],
            },
            "jobs": [
                {"name": source, "tasks": [f"tap-files target-postgres--{source}"]}
                for source in sources
            ],
            "schedules": [
                {"name": source, "job": source, "interval": ("@hourly", "*/15 * * * *")[n % 2]}
                for n, source in enumerate(sources)
            ],
        },
        Dumper=yaml.CSafeDumper,
    )


def _field_clusters() -> str:
    return yaml.safe_dump(
        {
            "owner": "data",
            "clusters": [
                {
                    "name": f"cluster-{number}",
                    "environment": f"prod-{number % ENVIRONMENTS}",
                    "production": True,
                    "schedules": [f"c{number}-*"],
                    "image": f"registry.example/mixtape@sha256:{'2' * 64}",
                    "api_server": f"10.{number}.0.1/32",
                    "settings": {
                        "MELTANO_STATE_BACKEND_URI": f"s3://state/{number % ENVIRONMENTS}",
                        "TARGET_POSTGRES_HOST": "warehouse.example",
                    },
                }
                for number in range(CLUSTERS_OF_A_FIELD)
            ],
        }
    )
