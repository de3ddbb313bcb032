"""What goes wrong around a run does no harm: overlaps, deadlines, outages, kills, evictions."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from orchestrate.cluster.corpus import many
from orchestrate.cluster.kube import Object, await_, pods_of

if TYPE_CHECKING:
    from orchestrate.cluster.runs import Cluster

pytestmark = pytest.mark.cluster

_CRON = "workflows.argoproj.io/cron-workflow"
_WORKFLOW = "workflows.argoproj.io/workflow"
_RESTART = "kubectl --namespace argo rollout restart deployment workflow-controller"


@pytest.fixture(autouse=True)
def corpus(cluster: Cluster, raps: dict[str, bytes]) -> None:
    """The authored raps are in the bucket, and loaded."""
    cluster.put(raps)


def test_schedules_that_write_one_schema_never_overlap(cluster: Cluster) -> None:
    names = [cluster.start("files"), cluster.start("files-again")]
    ended = [cluster.succeeded(name, 400) for name in names]
    first, second = sorted(_times(run) for run in ended)
    assert first[1] <= second[0]


def test_run_that_outlives_its_gap_is_not_doubled(cluster: Cluster) -> None:
    def started() -> list[Object]:
        return cluster.kube.of("workflow", **{_CRON: "files"})

    before = {each["metadata"]["name"] for each in started()}

    def new() -> list[Object]:
        return [each for each in started() if each["metadata"]["name"] not in before]

    with cluster.platform.fronts["warehouse"].held(), cluster.scheduled("files"):
        first = await_(lambda: new() or None, 90)[0]
        begun = datetime.fromisoformat(first["metadata"]["creationTimestamp"]).timestamp()
        # A minute and a half later at least one more start was due.
        await_(lambda: time.time() > begun + 90 or None, 120)
        assert len(new()) == 1
    cluster.succeeded(first["metadata"]["name"])


def test_long_snapshot_ends_in_time_and_the_next_run_goes_on(cluster: Cluster) -> None:
    files = many("snapshot", 4_000)
    cluster.put(files)
    cluster.run("files", max_run_seconds="1")
    loaded = _loaded(cluster, "snapshot")
    assert loaded < len(files), "the first run was to be too short"
    cluster.run("files")
    assert _loaded(cluster, "snapshot") == len(files)


def test_store_that_comes_back_is_tried_again(cluster: Cluster) -> None:
    with cluster.platform.fronts["warehouse"].down():
        name = cluster.start("files")
        await_(
            lambda: _phases(cluster, name).count("Failed") >= 1 or None,
            120,
            lambda: str(_phases(cluster, name)),
        )
    ended = cluster.succeeded(name, 300)
    attempts = [node["phase"] for node in pods_of(ended)]
    assert attempts[0] == "Failed"
    assert attempts[-1] == "Succeeded"


def test_store_that_stays_away_is_tried_three_times_and_reported(cluster: Cluster) -> None:
    with cluster.platform.fronts["warehouse"].down():
        ended = cluster.kube.await_workflow(cluster.start("files"), 600)
    assert ended["status"]["phase"] == "Failed"
    attempts = [node for node in pods_of(ended) if node["templateName"] != "notify"]
    begun = [datetime.fromisoformat(node["startedAt"]) for node in attempts]
    assert len(attempts) == 3
    assert (begun[2] - begun[1]) > 2 * (begun[1] - begun[0]), "the gaps grow"
    (report,) = [node for node in pods_of(ended) if node["templateName"] == "notify"]
    assert report["phase"] == "Succeeded"
    (said,) = [line for line in cluster.said(ended) if line.get("event") == "run failed"]
    assert said["workflow"] == ended["metadata"]["name"]
    assert said["run_id"] == ended["metadata"]["uid"]
    assert said["failures"]


def test_controller_restarted_in_the_middle_loses_nothing(cluster: Cluster) -> None:
    # Bookmarks are waited for longer than a controller takes to start.
    with cluster.platform.fronts["minio"].held():
        name = cluster.start("files")
        _await_pod(cluster, name)
        command = os.environ.get("MIXTAPE_CLUSTER_RESTART", _RESTART)
        subprocess.run(shlex.split(command), check=True, capture_output=True)
    ended = cluster.succeeded(name, 300)
    assert len(pods_of(ended)) == 1, "the pod that ran went on"


def test_killed_pod_converges_on_the_next_attempt(cluster: Cluster) -> None:
    files = many("killed", 300)
    cluster.put(files)
    name = cluster.start("files")
    pod = _await_pod(cluster, name)
    _await_log(cluster, pod)
    cluster.kube("delete", "pod", pod, "--grace-period=0", "--force")
    cluster.succeeded(name, 400)
    assert _loaded(cluster, "killed") == len(files)
    _nothing_left(cluster)


def test_evicted_pod_leaves_a_state_that_is_right(cluster: Cluster) -> None:
    files = many("evicted", 300)
    cluster.put(files)
    name = cluster.start("files")
    pod = _await_pod(cluster, name)
    _await_log(cluster, pod)
    namespace = cluster.kube.namespace
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": namespace},
    }
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
    cluster.kube("create", "--raw", path, "--filename", "-", given=json.dumps(eviction))
    cluster.succeeded(name, 400)
    assert _loaded(cluster, "evicted") == len(files)
    _nothing_left(cluster)


def _nothing_left(cluster: Cluster) -> None:
    """Assert that the state says what the tables hold: one more run finds nothing to do."""
    uid = cluster.run("files")["metadata"]["uid"]
    assert cluster.rows(
        "select coalesce(sum(rows_in), 0) from raw_files._sdc_loads"
        f" where run_id = '{uid}' and stream <> '_files'"
    ) == [(0,)]


def _loaded(cluster: Cluster, prefix: str) -> int:
    ((count,),) = cluster.rows(
        "select count(distinct _sdc_source_file) from raw_files.artists"
        f" where _sdc_source_file like 'artists/{prefix}-%'"
    )
    return int(count)


def _times(ended: Object) -> tuple[datetime, datetime]:
    (pod,) = pods_of(ended)
    return (datetime.fromisoformat(pod["startedAt"]), datetime.fromisoformat(pod["finishedAt"]))


def _phases(cluster: Cluster, name: str) -> list[str]:
    found = cluster.kube.get("workflow", name)
    return [node["phase"] for node in pods_of(found)] if "status" in found else []


def _await_pod(cluster: Cluster, name: str) -> str:
    """Return the name of a Workflow's pod once its container runs."""

    def running() -> str | None:
        for pod in cluster.kube.of("pod", **{_WORKFLOW: name}):
            states = {each["name"]: each for each in pod["status"].get("containerStatuses", ())}
            if states.get("main", {}).get("state", {}).get("running"):
                return str(pod["metadata"]["name"])
        return None

    return await_(running, 120)


def _await_log(cluster: Cluster, pod: str) -> None:
    """Return once the tap of a pod reads."""
    await_(
        lambda: "tap-files" in cluster.kube("logs", pod, "--container", "main") or None,
        120,
        lambda: cluster.kube("logs", pod, "--container", "main"),
    )
