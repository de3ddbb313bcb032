"""A cluster with Argo that somebody runs, with the project deployed into it.

KUBECONFIG: the cluster; Argo Workflows runs in its namespace `argo`.
MIXTAPE_CLUSTER_IMAGE: the image by digest, as the cluster's nodes can have it.
MIXTAPE_CLUSTER_HOST: this machine's address as pods see it.
MIXTAPE_CLUSTER_BUS: a NATS JetStream server for Argo Events, tls://address:port.
MIXTAPE_CLUSTER_BUS_LOGIN, MIXTAPE_CLUSTER_BUS_CA: user:password there, and the file of the
authority that signed its certificate.
MIXTAPE_CLUSTER_RESTART: a command that restarts Argo's controller, where it is no Deployment.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fixtures.fix_object_store import Store
from mixtape.render.platform import NAMESPACE
from mixtape.render.stores import STORES
from mixtape.render.tree import rendered
from mixtape.services.cassandra import Cassandra
from mixtape.services.minio import build
from mixtape.services.postgres import make_roles
from orchestrate.cluster.application import Live
from orchestrate.cluster.kube import Kube
from orchestrate.cluster.notifying_minio import NotifyingMinio
from orchestrate.cluster.platform import Platform, image, rendered_for
from orchestrate.cluster.runs import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixtures.fix_postgres import MakeDatabase

_NEEDED = (
    "KUBECONFIG",
    *(f"MIXTAPE_CLUSTER_{each}" for each in ("IMAGE", "HOST", "BUS", "BUS_LOGIN", "BUS_CA")),
)
_FAR = "0 0 1 1 *"
_SCHEDULES = [
    {"name": "files", "job": "files-to-postgres", "interval": "* * * * *"},
    {"name": "files-again", "job": "files-to-postgres", "interval": _FAR},
    {"name": "models", "job": "transform", "interval": _FAR},
    {"name": "files-to-facts", "job": "files-to-facts", "interval": _FAR},
    {"name": "changes", "job": "changes-to-postgres", "interval": _FAR},
    {"name": "forgetting", "job": "forget-events", "interval": _FAR},
    {"name": "served-files", "job": "files-to-cassandra", "interval": _FAR},
    {"name": "served-changes", "job": "changes-to-cassandra", "interval": _FAR},
]


@pytest.fixture(scope="session")
def kube() -> Kube:
    """The project's namespace in the cluster of KUBECONFIG."""
    if missing := [name for name in _NEEDED if not os.environ.get(name)]:
        pytest.fail(f"{', '.join(missing)} must be set: CONTRIBUTING.md says how to get a cluster")
    return Kube(NAMESPACE)


@pytest.fixture(scope="session")
def notifying(service_root: Path) -> Iterator[NotifyingMinio]:
    """The MinIO of the cluster tests."""
    build()
    service = NotifyingMinio(service_root / "notifying")
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="session")
def object_store(notifying: NotifyingMinio) -> Store:
    """The store of the cluster tests, in the place of the usual one."""
    return Store(notifying)


@pytest.fixture(scope="session")
def live(service_root: Path) -> Iterator[Live]:
    """The live application on its MongoDB, which asks everybody who they are."""
    with Live(service_root / "live") as found:
        yield found


@pytest.fixture(scope="session")
def serving(service_root: Path) -> Iterator[Cassandra]:
    """A Cassandra that tells pods the address at which they see it."""
    node = Cassandra(
        service_root / "serving",
        settings={
            "auto_snapshot": False,
            "broadcast_rpc_address": os.environ["MIXTAPE_CLUSTER_HOST"],
        },
        options={"cassandra.unsafesystem": "true"},
    )
    node.start()
    yield node
    node.stop()


@pytest.fixture(scope="session")
def platform(
    object_store: Store,
    notifying: NotifyingMinio,
    make_database: MakeDatabase,
    live: Live,
    serving: Cassandra,
) -> Iterator[Platform]:
    """The stores behind TLS, with names in the cluster."""
    database = make_database()
    make_roles(database.uri)
    run = uuid.uuid4().hex[:8]
    raps, state = f"raps-{run}", f"state-{run}"
    for bucket in (raps, state):
        object_store.client.create_bucket(Bucket=bucket)
    host = os.environ["MIXTAPE_CLUSTER_HOST"]
    with Platform(
        host, database, object_store, live, serving, raps, state, notifying.authority
    ) as found:
        found.name_stores()
        yield found
    for bucket in (raps, state):
        object_store.empty(bucket)
        object_store.client.delete_bucket(Bucket=bucket)


@pytest.fixture(scope="session")
def overlay(
    kube: Kube, platform: Platform, project_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The project rendered for this cluster: its own files, schedules and a list of one cluster."""
    root = tmp_path_factory.mktemp("rendered")
    for path in project_root.glob("*/*.meltano.yml"):
        (root / path.parent.name).mkdir(exist_ok=True)
        shutil.copy(path, root / path.parent.name)
    shutil.copy(project_root / "meltano.yml", root)
    jobs = root / "orchestrate" / "jobs.meltano.yml"
    said = yaml.safe_load(jobs.read_text())
    suffixed = [
        {
            **schedule,
            "annotations": {
                "mixtape": {
                    "deadline_seconds": 900,
                    "on_upload": schedule["name"] == "files",
                    "state_id_suffix": "" if schedule["name"] == "files" else schedule["name"],
                }
            },
        }
        for schedule in _SCHEDULES
    ]
    jobs.write_text(yaml.safe_dump({**said, "schedules": suffixed}))
    (root / "orchestrate" / "clusters.yml").write_text(yaml.safe_dump(_clusters(kube, platform)))
    for name, text in rendered(root).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture(scope="session")
def cluster(kube: Kube, platform: Platform, overlay: Path) -> Iterator[Cluster]:
    """The project in the cluster, its schedules suspended until a test lets one go."""
    asked = overlay / "controller.yaml"
    kube("delete", "namespace", NAMESPACE, "--ignore-not-found")
    manifests = kube("kustomize", rendered_for(overlay))
    asked.write_text(manifests.replace("  suspend: false\n", "  suspend: true\n"))
    kube("apply", "--server-side", "--filename", str(asked))
    platform.fill(kube)
    yield Cluster(kube, platform)
    kube("delete", "namespace", NAMESPACE)


@pytest.fixture(scope="session", autouse=True)
def controller(kube: Kube, project_root: Path) -> None:
    """Argo's controller, as the project asks for it."""
    asked = yaml.safe_load(
        (project_root / "orchestrate/deploy/platform/workflow-controller.yaml").read_text()
    )
    kube(
        *("--namespace", "argo", "patch", "configmap", asked["metadata"]["name"]),
        *("--type", "merge", "--patch", json.dumps({"data": asked["data"]})),
    )


def _clusters(kube: Kube, platform: Platform) -> dict[str, Any]:
    endpoints = json.loads(
        kube("--namespace", "default", "get", "endpoints", "kubernetes", "--output", "json")
    )
    address = endpoints["subsets"][0]["addresses"][0]["ip"]
    names = kube(
        *("--namespace", "kube-system", "get", "pods", "--selector", "k8s-app=kube-dns"),
        *("--output", "name"),
    )
    here = f"{platform.host}/32"
    return {
        "owner": "tests",
        "step_by_step": ["files-to-facts"],
        "clusters": [
            {
                "name": "node",
                "environment": "us-prod",
                "production": True,
                "schedules": ["*"],
                "image": image(),
                "api_server": f"{address}/32",
                **({} if names else {"dns": here}),
                "parallel_runs": 3,
                "settings": platform.settings,
                "event_bus": {"url": os.environ["MIXTAPE_CLUSTER_BUS"], "cidr": here},
                "stores": {store.name: here for store in STORES},
            }
        ],
    }
