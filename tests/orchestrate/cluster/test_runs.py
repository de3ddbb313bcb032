"""What is deployed really runs: on its schedule, in its pod, against real stores."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orchestrate.cluster.kube import await_, pods_of

if TYPE_CHECKING:
    from orchestrate.cluster.runs import Cluster

pytestmark = pytest.mark.cluster


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
    ((facts,),) = cluster.rows("select count(*) from marts.fct_lyric_releases")
    ((lyrics,),) = cluster.rows("select count(distinct lyric_id) from raw_files.lyrics")
    assert facts == lyrics


def test_job_step_by_step_has_a_pod_for_each_task(cluster: Cluster) -> None:
    ended = cluster.run("files-to-facts", 400)
    pods = [node["templateName"] for node in pods_of(ended)]
    assert pods == ["tap-files-target-postgres", "dbt-build"]


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
    ended = [cluster.run("files"), cluster.run("models")]
    outputs = {f"log of {each['metadata']['name']}": cluster.story(each) for each in ended}
    outputs["workflows"] = json.dumps(ended)
    outputs["objects"] = cluster.kube(
        "get", "cronworkflows,workflowtemplates,configmaps,externalsecrets,pods", "--output", "json"
    )
    outputs |= {name: body.decode() for name, body in cluster.states().items()}
    outputs["loads"] = str(cluster.rows("select * from raw_files._sdc_loads"))
    canaries = {
        value
        for secret in cluster.platform.secrets.values()
        for key, value in secret.items()
        if key in {"password", "secret_access_key"}
    }
    assert len(canaries) == 3
    found = [where for where, said in outputs.items() if any(each in said for each in canaries)]
    assert found == []
