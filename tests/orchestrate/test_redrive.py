"""Rejected records put in again, and Meltano's state made anew: through a real Meltano project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner

from mixtape import cli, pipeline
from mixtape import redrive as rejected

if TYPE_CHECKING:
    from fixtures.fix_meltano import Project

JOB = "files-to-postgres"
MARKED = """
    select artist.name
    from raw_files.artists as artist
    where exists (
        select from raw_files.artists__rejected as rejected
        where rejected.record_key
            = jsonb_build_array(artist._sdc_source_file, artist.artist_id)
            and rejected._sdc_lsn > artist._sdc_lsn
    )
    order by 1
"""


def artist(name: str, country: str) -> bytes:
    text = (
        f"schema_version: 1\nname: {name}\ncountry: {country}\nupdated_at: 2026-05-01T12:00:00Z\n"
    )
    return text.encode()


def names(project: Project, country: str) -> list[str]:
    found = project.rows(
        f"select name from raw_files.artists where country = '{country}' order by 1"
    )
    return [name for (name,) in found]


def change(project: Project, how: str) -> None:
    with project.database.connect() as connection:
        connection.execute(how.encode())


def waiting(project: Project) -> int:
    found = project.rows("select count(distinct source_key) from raw_files.artists__rejected")
    return int(found[0][0])


def test_rejected_rows_go_in_after_a_repair_unless_they_are_old_by_then(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in project.environment.items():
        monkeypatch.setenv(name, value)
    job = pipeline.of_job(JOB)
    people = ("Ada", "Bo", "Cy")
    project.put({f"artists/{name}.yaml": artist(name, "CA") for name in people})
    project.run(JOB)
    # What only the target knows of, and a document that the tap cannot read.
    change(
        project,
        "alter table raw_files.artists add constraint odd check (country <> 'US') not valid",
    )
    project.put({f"artists/{name}.yaml": artist(name, "US") for name in people})
    project.put({"artists/Dee.yaml": b"schema_version: 1\nname: Dee\n"})
    project.run(JOB)
    assert names(project, "CA") == ["Ada", "Bo", "Cy"]
    assert project.rows(MARKED) == [("Ada",), ("Bo",), ("Cy",)]

    # Bo has become newer, so what waits of it is old. Nothing is repaired yet.
    newer = "country = 'IN', _sdc_lsn = _sdc_lsn + 1000000000000"
    change(project, f"update raw_files.artists set {newer} where name = 'Bo'")
    assert project.rows(MARKED) == [("Ada",), ("Cy",)]
    assert rejected.redrive(job, ["artists"]) == [rejected.Redriven("artists", 3, 3, 1)]
    assert names(project, "CA") == ["Ada", "Cy"]
    assert project.rows(MARKED) == [("Ada",), ("Cy",)]

    # Killed between the commit and the removal: the command that follows ends what is left.
    change(project, "alter table raw_files.artists drop constraint odd")
    with monkeypatch.context() as cut:
        cut.setattr(rejected, "_remove", lambda *_: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            rejected.redrive(job, ["artists"])
    before = project.business_rows("artists")
    assert names(project, "US") == ["Ada", "Cy"]
    assert waiting(project) == 3 + 1
    done = CliRunner().invoke(cli.cli, ["redrive", JOB])
    assert (done.exit_code, done.output) == (
        0,
        "artists: 3 put in again, 0 of them rejected again; 1 wait for their file to be repaired\n",
    )
    assert project.business_rows("artists") == before
    assert waiting(project) == 1
    assert (names(project, "US"), names(project, "IN")) == (["Ada", "Cy"], ["Bo"])


def test_what_cannot_be_put_in_again_is_one_line(project: Project) -> None:
    jobs = yaml.safe_load((project.root / "orchestrate" / "jobs.meltano.yml").read_text())["jobs"]
    unknown = project.mixtape("redrive", "nothing")
    assert unknown.returncode == 2
    assert unknown.stderr == (
        "mixtape: no job 'nothing' in Meltano's files; there are: "
        f"{', '.join(job['name'] for job in jobs)}\n"
    )
