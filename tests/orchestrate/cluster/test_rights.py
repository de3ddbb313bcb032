"""What each account may do, and where each run can go: asked of the cluster, and tried."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mixtape.render import security
from orchestrate.cluster.kube import Object, Refused, await_
from orchestrate.cluster.platform import (
    CASSANDRA,
    MONGODB,
    NAMESPACE,
    OBJECT_STORE,
    POSTGRES,
    image,
)
from orchestrate.cluster.runs import workflow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orchestrate.cluster.runs import Cluster

pytestmark = pytest.mark.cluster

_RUNS = (
    "meltano-tap-files-target-postgres",
    "meltano-tap-mongodb-target-cassandra",
    "meltano-dbt",
    "mixtape-notify",
)
_PROBE = """
import json, socket, sys
found = {}
for name, host, port in json.loads(sys.argv[1]):
    try:
        socket.create_connection((host, port), timeout=4).close()
        found[name] = True
    except OSError:
        found[name] = False
print(json.dumps(found))
"""


@pytest.mark.parametrize("account", _RUNS)
@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        ("get", "secrets"),
        ("list", "pods"),
        ("create", "workflows.argoproj.io"),
        ("create", "workflowtaskresults.argoproj.io"),
        ("create", "pods"),
    ],
)
def test_account_of_a_run_may_do_nothing(
    cluster: Cluster, account: str, verb: str, resource: str
) -> None:
    assert not _may(cluster, account, verb, resource)


@pytest.mark.parametrize(
    ("verb", "resource", "allowed"),
    [
        ("create", "workflowtaskresults.argoproj.io", True),
        ("patch", "workflowtaskresults.argoproj.io", True),
        ("get", "workflowtaskresults.argoproj.io", False),
        ("delete", "workflowtaskresults.argoproj.io", False),
        ("get", "secrets", False),
        ("get", "pods", False),
        ("create", "workflows.argoproj.io", False),
    ],
)
def test_executor_has_two_verbs(
    cluster: Cluster, verb: str, resource: str, *, allowed: bool
) -> None:
    assert _may(cluster, "mixtape-executor", verb, resource) is allowed


def test_secrets_and_other_namespaces_are_refused_when_tried(cluster: Cluster) -> None:
    kube = cluster.kube
    for account in (*_RUNS, "mixtape-executor"):
        who = f"--as=system:serviceaccount:{kube.namespace}:{account}"
        for tried in (("get", "secrets"), ("--namespace", "kube-system", "get", "pods")):
            with pytest.raises(Refused, match="Forbidden"):
                kube(*tried, who)


@pytest.mark.parametrize(
    "spec",
    [
        {
            "entrypoint": "own",
            "templates": [{"name": "own", "container": {"image": "x", "command": ["sh"]}}],
        },
        {"workflowTemplateRef": {"name": "meltano-run"}, "podSpecPatch": '{"hostNetwork": true}'},
        {"workflowTemplateRef": {"name": "meltano-run"}, "serviceAccountName": "default"},
    ],
)
def test_submission_that_sets_more_than_arguments_does_not_run(
    cluster: Cluster, spec: dict[str, Any]
) -> None:
    name = cluster.submit(workflow("own-", spec))
    ended = cluster.kube.await_workflow(name, 60)
    assert ended["status"]["phase"] in {"Error", "Failed"}
    assert not ended["status"].get("nodes")


def test_namespace_refuses_a_pod_that_is_not_hardened(cluster: Cluster) -> None:
    pod = _pod("soft", {}, ["python3"])
    del pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"]
    with pytest.raises(Refused, match="PodSecurity"):
        cluster.kube.apply(pod)


@pytest.mark.parametrize(
    ("template", "reached"),
    [
        ("tap-files-target-postgres", {"postgres", "object-store", "api-server", "dns"}),
        (
            "tap-mongodb-target-cassandra",
            {"mongodb", "cassandra", "object-store", "api-server", "dns"},
        ),
        ("dbt", {"postgres", "api-server", "dns"}),
        ("notify", {"api-server", "dns"}),
    ],
)
def test_run_reaches_its_own_stores_and_nothing_else(
    cluster: Cluster, overlay: Path, elsewhere: int, template: str, reached: set[str]
) -> None:
    text = (overlay / "orchestrate/deploy/base/workflow-templates.yaml").read_text()
    (run,) = (
        each
        for found in yaml.safe_load_all(text)
        if found["metadata"]["name"] == "meltano-run"
        for each in found["spec"]["templates"]
        if each["name"] == template
    )
    host = cluster.platform.host
    targets = [
        *(
            [store, f"{name}.{NAMESPACE}.svc", port]
            for store, (name, port) in {
                "postgres": POSTGRES,
                "object-store": OBJECT_STORE,
                "mongodb": MONGODB,
                "cassandra": CASSANDRA,
            }.items()
        ),
        ["api-server", _api_server(cluster), 6443],
        ["elsewhere", host, elsewhere],
    ]
    found = _probe(cluster, f"probe-{template}"[:40], run["metadata"]["labels"], targets)
    # A name that was resolved shows that DNS is reached; each target but the last two has one.
    found["dns"] = found["postgres"] or found["object-store"] or template == "notify"
    assert {name for name, open_ in found.items() if open_} == reached


def test_pod_without_our_labels_reaches_nothing(cluster: Cluster, elsewhere: int) -> None:
    host = cluster.platform.host
    targets = [["postgres", host, POSTGRES[1]], ["elsewhere", host, elsewhere]]
    assert not any(_probe(cluster, "probe-stranger", {}, targets).values())


@pytest.fixture
def elsewhere(cluster: Cluster) -> Iterator[int]:
    """The port of a server on this machine that is nobody's store."""
    with socket.create_server((cluster.platform.host, 0)) as server:
        thread = threading.Thread(target=_accept, args=(server,), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _accept(server: socket.socket) -> None:
    try:
        while True:
            server.accept()[0].close()
    except OSError:
        return


def _may(cluster: Cluster, account: str, verb: str, resource: str) -> bool:
    who = f"--as=system:serviceaccount:{cluster.kube.namespace}:{account}"
    try:
        return cluster.kube("auth", "can-i", verb, resource, who).strip() == "yes"
    except Refused as refused:
        if str(refused) != "no":
            raise
        return False


def _api_server(cluster: Cluster) -> str:
    policy = cluster.kube.get("networkpolicy", "allow-api-server")
    cidr: str = policy["spec"]["egress"][0]["to"][0]["ipBlock"]["cidr"]
    return cidr.partition("/")[0]


def _probe(
    cluster: Cluster, name: str, labels: dict[str, str], targets: list[list[Any]]
) -> dict[str, bool]:
    """Return which of ``targets`` (name, host, port) a pod with these labels can connect to."""
    kube = cluster.kube
    kube.apply(_pod(name, labels, ["python3", "-c", _PROBE, json.dumps(targets)]))
    try:
        await_(
            lambda: kube.get("pod", name)["status"]["phase"] in {"Succeeded", "Failed"} or None,
            120,
            lambda: str(kube.get("pod", name)["status"]),
        )
        found: dict[str, bool] = json.loads(kube("logs", name))
        return found
    finally:
        kube("delete", "pod", name, "--wait=false")


def _pod(name: str, labels: dict[str, str], command: list[str]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": _plain(security.pod()),
            "containers": [
                {
                    "name": "main",
                    "image": image(),
                    "command": command,
                    "securityContext": _plain(security.container()),
                }
            ],
        },
    }


def _plain(model: Any) -> Any:
    return model.model_dump(by_alias=True, exclude_none=True)
