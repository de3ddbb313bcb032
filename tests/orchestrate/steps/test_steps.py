"""The steps around a load, as Meltano's commands, on real stores."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fixtures.fix_meltano import Project

_LOAD = ("load-steps:manifest", "tap-files-listed", "target-postgres")
_ARTIST = """\
schema_version: 1
name: {name}
country: DE
updated_at: {updated_at}
"""


def _artist(name: str, updated_at: str = "2024-10-31T23:00:00Z") -> bytes:
    return _ARTIST.format(name=name, updated_at=updated_at).encode()


def _names(project: Project) -> set[str]:
    return {name for (name,) in project.rows("select name from raw_files.artists")}


def test_only_what_was_checked_is_loaded_and_the_rest_comes_next(project: Project) -> None:
    project.put({f"artists/{name}.yaml": _artist(name) for name in ("stays", "changes")})
    project.put({"artists/broken.yaml": b"name: 1", "artists/read.me": b"no format of the tap's"})
    first = str(uuid.uuid4())
    project.run("load-steps:check", "load-steps:validate", MELTANO_RUN_ID=first)
    project.put({"artists/late.yaml": _artist("late"), "artists/changes.yaml": _artist("changed")})
    project.run(*_LOAD, "load-steps:record", MELTANO_RUN_ID=first)
    assert _names(project) == {"stays"}
    ((files, left, rows, rejected, times),) = project.rows(
        f"select files, files_left, rows_in, rows_rejected, steps from raw_files._runs"
        f" where run_id = '{first}'"
    )
    assert set(times) == {"check", "validate", "manifest", "load", "build"}
    assert (files, left) == (3, 1), "what cannot be read is not in it; what changed is left"
    ((rows_in,),) = project.rows(
        f"select sum(rows_in) from raw_files._sdc_loads where run_id = '{first}'"
    )
    assert rows == rows_in
    assert rejected == 0, "the tap's rejects are rows of its quarantine"

    second = str(uuid.uuid4())
    project.run("load-steps:check", MELTANO_RUN_ID=second)
    assert dict(
        project.rows(f"select key, reason from raw_files._run_files where run_id = '{second}'")
    ) == {
        "artists/changes.yaml": "new",
        "artists/late.yaml": "new",
        "artists/read.me": "new",
    }


@pytest.mark.long
def test_steps_write_what_they_found_by_the_run_s_id(
    project: Project, raps: dict[str, bytes]
) -> None:
    project.put(raps)
    # No id is given: the steps of one command find one of their own.
    project.run("files-to-facts", MIXTAPE_REPORT_OUT=str(project.root / "report"))
    assert (project.root / "report" / "report.html").read_text().startswith("<!DOCTYPE html>")
    ((run_id,),) = project.rows("select distinct run_id from raw_files._run_files")
    assert project.rows(
        "select count(*), sum(found) from raw_files._run_checks"
        f" where run_id = '{run_id}' and found > 0"
    ) == [(0, None)]
    counted = dict(
        project.rows("select stream, number from raw_files._run_insights where metric = 'records'")
    )
    for stream in ("artists", "lyrics", "lyric_credits", "meetups", "performances", "_files"):
        assert project.rows(f"select count(*) from raw_files.{stream}") == [(counted[stream],)]
    steps = project.rows(
        "select step, error from raw_files._run_steps"
        f" where run_id = '{run_id}' order by started_at"
    )
    names = ("check", "validate", "quality", "insights", "manifest", "record")
    assert steps == [(name, None) for name in names]
    ((files, rows_in),) = project.rows("select files, rows_in from raw_files._runs")
    assert (files, rows_in) == (len(raps), sum(counted.values()))
    every = json.dumps(project.rows("select * from raw_files._run_insights"), default=str)
    ((lyric,),) = project.rows("select lyrics from raw_files.lyrics limit 1")
    assert lyric[:40] not in every


def test_an_error_in_the_files_ends_the_run_before_the_load(project: Project) -> None:
    project.put({"artists/fine.yaml": _artist("fine")})
    project.put({"artists/ahead.yaml": _artist("ahead", "2099-01-01T00:00:00Z")})
    run = project.start("load-steps:check", "load-steps:quality", *_LOAD).wait()
    assert run.code == 1
    assert "artists: 1 of 2 changed_in_the_future (artists/ahead.yaml#1)" in run.log
    assert project.rows("select to_regclass('raw_files.artists') is null") == [(True,)]
    ((step, error),) = project.rows(
        "select step, error from raw_files._run_steps where error is not null"
    )
    assert step == "quality"
    assert "repair or remove these files" in error
