"""What no cluster could run is refused, with the file and line to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mixtape.render.errors import RenderError
from mixtape.render.tree import rendered
from orchestrate.render.projects import CLUSTERS, JOBS, MELTANO

if TYPE_CHECKING:
    from orchestrate.render.conftest import MakeFiles

_FILES = {
    "jobs": ("jobs.meltano.yml", JOBS),
    "clusters": ("orchestrate/clusters.yml", CLUSTERS),
    "meltano": ("meltano.yml", MELTANO),
}


# (file, what stands there, what somebody writes instead, what the line shows, what is said)
@pytest.mark.parametrize(
    "case",
    [
        ("jobs", "job: files-to-postgres\n", "job: fils\n", "job: fils", "no job fils"),
        ("jobs", "job: transform\n", "tasks: []\n", "- name: models", "names no job"),
        ("jobs", '"*/5 * * * *"', '"*/5 * * *"', '"*/5 * * *"', "no cron that Argo takes"),
        ("jobs", '"*/5 * * * *"', '"61 * * * *"', '"61 * * * *"', "Bad minute"),
        ("jobs", '"*/5 * * * *"', '"0 0 * * 7"', '"0 0 * * 7"', "Sunday is 0"),
        ("jobs", '"*/5 * * * *"', '"0 0 * * MON"', "MON", "no names of days"),
        ("jobs", '"*/5 * * * *"', '"0 0 30 2 *"', "30 2", "Bad day-of-month"),
        ("jobs", '"@hourly"', '"@once"', '"@once"', "@once is nothing that a cluster"),
        ("jobs", '"@hourly"', '"@manual"', '"@manual"', "@manual is nothing that a cluster"),
        ("jobs", "owner: files-team", "timezone: Mars/Base", "Mars", "no time zone 'Mars/Base'"),
        ("jobs", "owner: files-team", "memory: 1Gi", "memory", "not known here; there are:"),
        ("jobs", "deadline_seconds: 7200", "deadline_seconds: 60", "60", "greater than 600"),
        ("jobs", "name: files\n", f"name: {'f' * 53}\n", "ffff", "53 characters; 52 is the most"),
        ("jobs", "name: files\n", "name: Files\n", "name: Files", "made of a-z, 0-9 and -"),
        ("jobs", "name: mongo\n", "name: files\n", "", "is there twice; first at jobs.melt"),
        ("jobs", "name: transform\n", "name: files-to-postgres\n", "", "job files-to-postgres is"),
        ("jobs", "[tap-files target-postgres]", "[tap-csv target-postgres]", "", "no plugin tap-c"),
        ("jobs", "state_id_suffix: nightly, ", "", "name: nightly", "would share the state prod:"),
        ("clusters", "environment: stage", "environment: dev", "name: two", "no environment dev"),
        (
            "clusters",
            "[files, models]",
            "[files, model]",
            "name: two",
            "no schedule is called mode",
        ),
        ("clusters", "name: two", "name: one", "", "cluster one is there twice"),
        ("clusters", "@sha256:" + "1" * 64, ":latest", ":latest", "a tag can move"),
        ("clusters", "10.0.0.2/32", "10.0.0.2/8", "10.0.0.2/8", "host bits"),
        ("clusters", "[everything]", "[anything]", "[anything]", "no job anything"),
        ("clusters", "owner: data\n", "owner: data\n    team: x\n", "team: x", "not known here"),
        ("clusters", '"s3://state/stage"', "x, AWS_SECRET_ACCESS_KEY: y", "AWS", "is a secret"),
        ("clusters", 'MELTANO_STATE_BACKEND_URI: "s3://state/stage"', "A: b", "A: b", "missing"),
        (
            "clusters",
            '"s3://state/prod"',
            '"s3://state/prod", S3_ENDPOINT_URL: "http://minio:9000"',
            "",
            "S3_ENDPOINT_URL=http://minio:9000 is insecure, and one is production",
        ),
        ("clusters", "{mongodb: ", "{mongo: ", "mongo:", "no store mongo"),
        (
            "clusters",
            "TARGET_CASSANDRA_CONTACT_POINTS",
            "CONTACT_POINTS",
            "name: one",
            "schedule serving needs TARGET_CASSANDRA_CONTACT_POINTS in settings: where cassandra",
        ),
        ("clusters", "clusters:\n", "clusters: [\n", "", "not YAML"),
        ("meltano", "- name: tap-mongodb", "- label: nameless", "nameless", "extractors: no name"),
    ],
    ids=lambda case: case[4],
)
def test_refused_with_file_and_line(
    case: tuple[str, str, str, str, str], make_files: MakeFiles
) -> None:
    which, old, new, line_of, said = case
    file, text = _FILES[which]
    assert old in text, "the example is out of step with the project"
    changed = text.replace(old, new, 1)
    root = make_files(**{which: changed})
    with pytest.raises(RenderError) as error:
        rendered(root)
    faults = [fault for fault in error.value.faults if said in fault]
    assert faults, error.value.faults
    assert faults[0].startswith(f"{file}:")
    if line_of:
        line = int(faults[0].split(":")[1])
        assert line_of in (root / file).read_text().splitlines()[line - 1]


def test_plugin_without_an_account_is_refused(make_files: MakeFiles) -> None:
    root = make_files(
        meltano=MELTANO.replace("- name: dbt", "- name: superset"),
        jobs=JOBS.replace("dbt:build", "superset:refresh"),
    )
    with pytest.raises(RenderError, match=r"jobs\.meltano\.yml:\d+: job transform: nothing says"):
        rendered(root)


def test_steps_that_speak_for_no_plugin_are_refused(make_files: MakeFiles) -> None:
    root = make_files(meltano=MELTANO.replace("{tap: tap-files,", "{tap: tap-csv,"))
    said = r"jobs\.meltano\.yml:\d+: job everything: load-steps's tap is no plugin: tap-csv"
    with pytest.raises(RenderError, match=said):
        rendered(root)


def test_every_fault_is_shown_at_once(make_files: MakeFiles) -> None:
    root = make_files(
        jobs=JOBS.replace("@hourly", "@once").replace("*/5", "*/x"),
        clusters=CLUSTERS.replace("environment: stage", "environment: dev"),
    )
    with pytest.raises(RenderError) as error:
        rendered(root)
    assert len(error.value.faults) >= 3
    assert {fault.partition(":")[0] for fault in error.value.faults} == {
        "jobs.meltano.yml",
        "orchestrate/clusters.yml",
    }


def test_one_environment_in_two_clusters_cannot_share_a_bucket(make_files: MakeFiles) -> None:
    shared = CLUSTERS.replace("environment: stage", "environment: prod")
    assert rendered(make_files(clusters=shared)), "another bucket is another state"
    root = make_files(clusters=shared.replace("s3://state/stage", "s3://state/prod/"))
    with pytest.raises(RenderError, match="schedule files in two would share the state prod:tap-f"):
        rendered(root)


def test_same_schedule_in_two_environments_is_no_conflict(make_files: MakeFiles) -> None:
    shared = CLUSTERS.replace("s3://state/stage", "s3://state/prod")
    assert rendered(make_files(clusters=shared))
