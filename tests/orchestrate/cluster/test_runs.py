"""What is deployed really runs: on its schedule, in its pod, against real stores."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

import pytest

from orchestrate.cluster.corpus import many
from orchestrate.cluster.kube import await_, pods_of
from orchestrate.cluster.platform import image

if TYPE_CHECKING:
    from orchestrate.cluster.runs import Cluster

pytestmark = pytest.mark.cluster

_BEFORE_THE_LOAD = [f"load-steps-{each}" for each in ("check", "validate", "quality", "insights")]
_LOAD = "load-steps-manifest-tap-files-listed-target-postgres"


@pytest.fixture(autouse=True)
def corpus(cluster: Cluster, raps: dict[str, bytes]) -> None:
    """The authored raps are in the bucket."""
    cluster.put(raps)


def test_minute_schedule_loads_the_raps(cluster: Cluster) -> None:
    with cluster.scheduled("files"):
        (started, *_) = await_(
            lambda: (
                cluster.kube.of("workflow", **{"workflows.argoproj.io/cron-workflow": "files"})
                or None
            ),
            90,
        )
    scheduled = started["metadata"]["annotations"]["workflows.argoproj.io/scheduled-time"]
    assert scheduled.endswith(":00Z"), "on the minute"
    ended = cluster.kube.await_workflow(started["metadata"]["name"])
    assert ended["status"]["phase"] == "Succeeded", cluster.story(ended)
    ((lyrics,),) = cluster.rows("select count(*) from raw_files.lyrics")
    assert lyrics > 0
    uid = ended["metadata"]["uid"]
    assert (uid,) in cluster.rows("select distinct run_id from raw_files._sdc_loads")
    lines = cluster.said(ended)
    assert len(lines) > 5
    assert any(uid in json.dumps(line) for line in lines), "the run's id is in its log"


def test_models_become_facts(cluster: Cluster) -> None:
    cluster.run("files")
    cluster.run("models")
    # The database is every test's: lyrics of the application may have facts beside these.
    loaded = cluster.rows("select distinct lyric_id from raw_files.lyrics order by 1")
    facts = cluster.rows(
        "select lyric_id from marts.fct_lyric_releases"
        " where lyric_id in (select lyric_id from raw_files.lyrics) order by 1"
    )
    assert loaded
    assert facts == loaded


def test_job_step_by_step_has_a_pod_for_each_step_and_one_row_for_the_run(
    cluster: Cluster,
) -> None:
    ended = cluster.run("files-to-facts", 1200)
    pods = [node["templateName"] for node in pods_of(ended)]
    assert pods == [*_BEFORE_THE_LOAD, _LOAD, "dbt-build", "load-steps-record", "mixtape-report"]
    uid = ended["metadata"]["uid"]
    ((workflow, where, image_run, files, left),) = cluster.rows(
        "select workflow, environment, image, files, files_left from raw_files._runs"
        f" where run_id = '{uid}'"
    )
    assert workflow == ended["metadata"]["name"]
    assert (where, image_run) == ("us-prod", image())
    listed = cluster.rows(f"select count(*) from raw_files._run_files where run_id = '{uid}'")
    assert (files, left) == (*listed[0], 0)
    assert (uid,) in cluster.rows("select run_id from raw_files._sdc_loads")
    steps = cluster.rows(f"select step from raw_files._run_steps where run_id = '{uid}'")
    assert {step for (step,) in steps} == {
        "check",
        "validate",
        "quality",
        "insights",
        "manifest",
        "record",
    }


def test_step_that_fails_stops_the_rest_and_is_reported(cluster: Cluster) -> None:
    key = f"artists/ahead-{secrets.token_hex(4)}.yaml"
    (body,) = many("ahead", 1).values()
    cluster.put({key: body.replace(b"2024-", b"2099-")})
    try:
        ended = cluster.kube.await_workflow(cluster.start("files-to-facts"), 900)
    finally:
        cluster.delete(key)
    assert ended["status"]["phase"] == "Failed"
    ran = [node["templateName"] for node in pods_of(ended)]
    assert list(dict.fromkeys(ran)) == [*_BEFORE_THE_LOAD[:3], "notify"]
    uid = ended["metadata"]["uid"]
    ((error,),) = cluster.rows(
        f"select error from raw_files._run_steps where run_id = '{uid}' and step = 'quality'"
    )
    assert key in error
    (said,) = [line for line in cluster.said(ended) if line.get("event") == "run failed"]
    assert "load-steps-quality" in {failure["step"] for failure in said["failures"]}
    assert not cluster.rows(f"select from raw_files._sdc_loads where run_id = '{uid}'")


def test_run_that_finds_nothing_new_writes_nothing(cluster: Cluster) -> None:
    cluster.run("files")
    before = cluster.states()
    uid = cluster.run("files")["metadata"]["uid"]
    ((written,),) = cluster.rows(
        "select coalesce(sum(rows_inserted + rows_updated + rows_deleted), 0)"
        f" from raw_files._sdc_loads where run_id = '{uid}' and stream <> '_files'"
    )
    assert written == 0
    assert cluster.states().keys() == before.keys()


def test_no_secret_leaves_a_run(cluster: Cluster) -> None:
    for schedule in ("files", "models", "changes", "served-changes"):
        cluster.run(schedule)
    # Of the runs before, the long form's too.
    ended = cluster.kube.of("workflow")
    outputs = {f"log of {each['metadata']['name']}": cluster.story(each) for each in ended}
    outputs["workflows"] = json.dumps(ended)
    outputs["objects"] = cluster.kube(
        "get", "cronworkflows,workflowtemplates,configmaps,externalsecrets,pods", "--output", "json"
    )
    outputs |= {name: body.decode() for name, body in cluster.states().items()}
    for schema in ("raw_files", "raw_mongo"):
        outputs[f"loads of {schema}"] = str(cluster.rows(f"select * from {schema}._sdc_loads"))
    canaries = {
        # Of a key in PEM one line, as it stands in a JSON text too.
        max(value.splitlines(), key=len)
        for secret in cluster.platform.secrets.values()
        for key, value in secret.items()
        if key in {"password", "secret_access_key", "connection_string", "tls.key"}
    } | {cluster.platform.live.password}
    assert len(canaries) == 8
    found = [where for where, said in outputs.items() if any(each in said for each in canaries)]
    assert found == []
