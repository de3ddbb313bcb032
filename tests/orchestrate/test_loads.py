"""Meltano's state from `_sdc_loads`, when Meltano has lost it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mixtape.loads import State, merged

if TYPE_CHECKING:
    from fixtures.fix_meltano import Project

JOB = "files-to-postgres"


def received(project: Project) -> dict[str, int]:
    return {stream: row["rows_in"] for stream, row in project.last_load().items() if row["rows_in"]}


def test_after_a_lost_state_nothing_is_read_again(project: Project, raps: dict[str, bytes]) -> None:
    project.put(raps)
    project.run(JOB)
    assert received(project)["artists"] > 0
    for database in (project.root / ".meltano").glob("meltano.db*"):
        database.unlink()
    restored = project.mixtape("state-from-loads", JOB)
    assert restored.returncode == 0, restored.stderr
    assert restored.stdout.startswith("ci:tap-files-to-target-postgres: state of ")
    project.run(JOB)
    assert received(project) == {}


def test_without_a_load_there_is_no_state_to_make(project: Project) -> None:
    result = project.mixtape("state-from-loads", JOB)
    assert result.returncode == 2
    assert result.stderr == "mixtape: target-postgres has loaded nothing of tap-files yet\n"


def test_a_killed_runs_rows_give_each_stream_its_own_bookmark() -> None:
    """The row of each stream knows its own best: the other's commit came before or after."""
    rows: list[tuple[str, State]] = [
        ("a", {"bookmarks": {"a": 1, "b": 1}}),
        ("b", {"bookmarks": {"a": 1, "b": 1}}),
        ("a", {"bookmarks": {"a": 3, "b": 1}, "rest": 2}),
        ("b", {"bookmarks": {"a": 1, "b": 2}, "rest": 1}),
    ]
    assert merged(rows) == {"bookmarks": {"a": 3, "b": 2}, "rest": 1}
    assert merged([("a", {"my": "own"})]) == {"my": "own"}
    assert merged([]) == {}
