"""Every rule of the checklist holds for what is rendered, and fails on what would break it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from orchestrate.render import policy
from orchestrate.render.deployment import Deployment, deployment
from orchestrate.render.projects import CLUSTERS, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orchestrate.render.conftest import MakeFiles

    Mutation = Callable[[Deployment], object]


@pytest.fixture(scope="module", params=["us-prod", "ca-prod"])
def committed(request: pytest.FixtureRequest, project_root: Path) -> Deployment:
    """One of the project's own clusters."""
    return deployment(project_root, request.param)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A cluster with every store and every kind of object."""
    return deployment(write(tmp_path_factory.mktemp("everything")), "one")


@pytest.mark.parametrize("rule", policy.RULES)
def test_rule_holds_in_the_project_s_clusters(rule: str, committed: Deployment) -> None:
    assert list(policy.RULES[rule](committed)) == []


@pytest.mark.parametrize("rule", policy.RULES)
def test_rule_holds_with_every_store(rule: str, everything: Deployment) -> None:
    assert list(policy.RULES[rule](everything)) == []


def test_cluster_outside_production_is_suspended(make_files: MakeFiles) -> None:
    root = make_files()
    for cluster, suspended in (("one", False), ("two", True)):
        crons = deployment(root, cluster).of("CronWorkflow")
        assert crons
        assert {each["spec"]["suspend"] for each in crons} == {suspended}


def test_cluster_outside_production_hears_no_events(make_files: MakeFiles) -> None:
    assert not deployment(make_files(), "two").of("Sensor", "EventSource", "EventBus")


def test_store_outside_is_reached_and_calls_by_its_address(make_files: MakeFiles) -> None:
    mongodb = "mongodb: 192.168.7.0/24"
    outside = CLUSTERS.replace(mongodb, f"{mongodb}, object-store: 192.168.8.1/32")
    found = deployment(make_files(clusters=outside), "one")
    address = [{"ipBlock": {"cidr": "192.168.8.1/32"}}]
    assert _rules_of(found, "object-store")[0]["to"] == address
    webhook = found.one("NetworkPolicy", "allow-uploads-webhook")["spec"]["ingress"]
    assert webhook[0]["from"] == address


def test_controller_runs_only_templates(project_root: Path) -> None:
    path = project_root / "orchestrate/deploy/platform/workflow-controller.yaml"
    asked = yaml.safe_load(path.read_text())
    assert yaml.safe_load(asked["data"]["workflowRestrictions"]) == {
        "templateReferencing": "Secure"
    }


# Where mutations reach: each takes a deployment and returns a part of it to be changed.


def _template(found: Deployment) -> dict[str, Any]:
    return next(
        each
        for each in found.one("WorkflowTemplate", "meltano-run")["spec"]["templates"]
        if each["name"] == "tap-files-target-postgres"
    )


def _spec(found: Deployment, name: str = "meltano-run") -> dict[str, Any]:
    spec: dict[str, Any] = found.one("WorkflowTemplate", name)["spec"]
    return spec


def _main(found: Deployment) -> dict[str, Any]:
    container: dict[str, Any] = _template(found)["container"]
    return container


def _context(found: Deployment) -> dict[str, Any]:
    context: dict[str, Any] = _main(found)["securityContext"]
    return context


def _cron(found: Deployment, name: str = "files") -> dict[str, Any]:
    spec: dict[str, Any] = found.one("CronWorkflow", name)["spec"]
    return spec


def _variable(found: Deployment, name: str) -> dict[str, Any]:
    return next(each for each in _main(found)["env"] if each["name"] == name)


def _argument(found: Deployment, name: str) -> dict[str, Any]:
    given = _cron(found)["workflowSpec"]["arguments"]["parameters"]
    return next(each for each in given if each["name"] == name)


def _rules_of(found: Deployment, name: str) -> Any:
    return found.one("NetworkPolicy", f"allow-{name}")["spec"]["egress"]


def _without(found: Deployment, *kinds: str) -> None:
    found.objects = [each for each in found.objects if each["kind"] not in kinds]


def _patch(found: Deployment, old: str, new: str) -> None:
    spec = _spec(found)
    assert old in spec["podSpecPatch"]
    spec["podSpecPatch"] = spec["podSpecPatch"].replace(old, new)


def _object(kind: str, name: str, **said: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name}, **said}


COUNTER_EXAMPLES: dict[str, list[Mutation]] = {
    "restricted_namespace": [
        lambda d: d.of("Namespace")[0]["metadata"]["labels"].update(
            {"pod-security.kubernetes.io/enforce": "baseline"}
        ),
        lambda d: d.of("Namespace")[0]["metadata"]["labels"].update(
            {"pod-security.kubernetes.io/warn-version": "latest"}
        ),
    ],
    "restricted_pods": [
        lambda d: _spec(d)["securityContext"].update(runAsNonRoot=False),
        lambda d: _spec(d)["securityContext"].update(runAsUser=0),
        lambda d: _spec(d)["securityContext"].pop("fsGroup"),
        lambda d: _spec(d)["securityContext"].update(fsGroupChangePolicy="Always"),
        lambda d: _spec(d)["securityContext"].update(seccompProfile={"type": "Unconfined"}),
    ],
    "hardened_containers": [
        lambda d: _context(d).pop("allowPrivilegeEscalation"),
        lambda d: _context(d).update(privileged=True),
        lambda d: _context(d).update(capabilities={"drop": ["NET_RAW"]}),
        lambda d: _context(d).update(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
        lambda d: _context(d).update(runAsUser=0),
        lambda d: _context(d).pop("seccompProfile"),
        lambda d: _context(d).update(readOnlyRootFilesystem=False),
        lambda d: _spec(d).pop("podSpecPatch"),
        lambda d: _patch(d, '"readOnlyRootFilesystem": true', '"readOnlyRootFilesystem": false'),
        lambda d: d.of("Sensor")[0]["spec"]["template"]["container"].pop("securityContext"),
    ],
    "sized_scratch": [
        lambda d: _spec(d)["volumes"][0]["emptyDir"].pop("sizeLimit"),
        lambda d: _main(d)["volumeMounts"].pop(0),
        lambda d: _main(d)["volumeMounts"].pop(1),
    ],
    "bounded_pods": [
        lambda d: _main(d)["resources"]["limits"].pop("memory"),
        lambda d: _main(d)["resources"]["requests"].pop("ephemeral-storage"),
        lambda d: _patch(d, '"cpu": "50m"', '"gpu": "50m"'),
        lambda d: _template(d).pop("activeDeadlineSeconds"),
        lambda d: _patch(d, '"terminationGracePeriodSeconds": 120', '"x": 1'),
    ],
    "ends_by_itself": [
        lambda d: _main(d)["env"].remove(_variable(d, "TAP_FILES_MAX_RUN_SECONDS")),
        lambda d: _template(d).update(activeDeadlineSeconds=60),
        lambda d: _argument(d, "max-run-seconds").update(value="3600"),
        lambda d: _argument(d, "max-run-seconds").update(value="0"),
    ],
    "own_accounts": [
        lambda d: _template(d).update(serviceAccountName="default"),
        lambda d: _template(d).update(serviceAccountName="meltano-dbt"),
        lambda d: _spec(d).pop("automountServiceAccountToken"),
        lambda d: _spec(d).pop("executor"),
        lambda d: d.one("ServiceAccount", "meltano-dbt").pop("automountServiceAccountToken"),
    ],
    "two_verbs": [
        lambda d: d.one("Role", "mixtape-executor")["rules"][0].update(verbs=["*"]),
        lambda d: d.one("Role", "mixtape-executor")["rules"].append(
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
        ),
        lambda d: d.one("Role", "mixtape-sensor")["rules"][0].update(verbs=["create", "delete"]),
        lambda d: d.objects.append(_object("ClusterRole", "all", rules=[])),
        lambda d: d.objects.append(_object("Role", "reader", rules=[])),
        lambda d: d.one("RoleBinding", "mixtape-executor")["subjects"][0].update(name="default"),
    ],
    "only_references": [
        lambda d: _cron(d)["workflowSpec"].update(podSpecPatch="{}"),
        lambda d: d.of("Sensor")[0]["spec"]["triggers"][0]["template"]["k8s"]["source"]["resource"][
            "spec"
        ].update(serviceAccountName="default"),
    ],
    "no_secrets": [
        lambda d: d.of("Secret")[0].update(stringData={"token": "x"}),
        lambda d: d.of("ConfigMap")[0]["data"].update(AWS_SECRET_ACCESS_KEY="x"),
        lambda d: _variable(d, "TARGET_POSTGRES_PASSWORD").update(value="x"),
    ],
    "referenced_secrets": [
        lambda d: _without(d, "ExternalSecret"),
        lambda d: d.one("ExternalSecret", "postgres-loader")["spec"]["data"].append(
            {"secretKey": "superuser"}
        ),
        lambda d: d.one("ExternalSecret", "postgres-loader")["spec"]["secretStoreRef"].update(
            kind="SecretStore"
        ),
    ],
    "least_privilege": [
        lambda d: _main(d)["env"].append(
            {
                "name": "DBT_X",
                "valueFrom": {"secretKeyRef": {"name": "postgres-transformer", "key": "password"}},
            }
        ),
        lambda d: _variable(d, "TARGET_POSTGRES_PASSWORD")["valueFrom"]["secretKeyRef"].update(
            name="postgres-superuser"
        ),
        lambda d: next(
            each
            for pod in d.runs()
            for each in pod.main["env"]
            if each["name"] == "DBT_ENV_SECRET_POSTGRES_PASSWORD"
        ).update(name="DBT_POSTGRES_PASSWORD"),
    ],
    "closed_network": [
        lambda d: d.objects.remove(d.one("NetworkPolicy", "default-deny")),
        lambda d: d.one("NetworkPolicy", "default-deny")["spec"].update(policyTypes=["Ingress"]),
        lambda d: _rules_of(d, "postgres")[0]["to"].append({"ipBlock": {"cidr": "0.0.0.0/0"}}),
        lambda d: _rules_of(d, "postgres")[0].pop("ports"),
        lambda d: _rules_of(d, "postgres")[0]["to"].append({"namespaceSelector": {}}),
        lambda d: d.one("NetworkPolicy", "allow-uploads-webhook")["spec"]["ingress"][0].pop("from"),
        lambda d: d.one("NetworkPolicy", "allow-uploads-webhook")["spec"].update(
            podSelector={"matchLabels": {"app.kubernetes.io/part-of": "mixtape"}}
        ),
    ],
    "own_stores": [
        lambda d: d.one("NetworkPolicy", "allow-cassandra")["spec"].update(
            podSelector={"matchLabels": {"app.kubernetes.io/part-of": "mixtape"}}
        ),
        lambda d: d.objects.remove(d.one("NetworkPolicy", "allow-postgres")),
        lambda d: d.objects.remove(d.one("NetworkPolicy", "allow-api-server")),
        lambda d: _template(d)["metadata"]["labels"].update({"mixtape/mongodb": "client"}),
    ],
    "verified_stores": [
        lambda d: _variable(d, "TARGET_POSTGRES_SSL_MODE").update(value="require"),
        lambda d: _main(d)["env"].remove(_variable(d, "TAP_FILES_CA_BUNDLE")),
        lambda d: d.of("ConfigMap")[0]["data"].update(S3_ENDPOINT_URL="http://minio:9000"),
    ],
    "safe_schedules": [
        lambda d: _cron(d).pop("concurrencyPolicy"),
        lambda d: _cron(d).pop("timezone"),
        lambda d: _cron(d).update(startingDeadlineSeconds=0),
        lambda d: _cron(d, "serving").update(startingDeadlineSeconds=60),
        lambda d: _cron(d).update(schedule="* * * * *"),
    ],
    "locked": [
        lambda d: _template(d)["synchronization"].pop("mutexes"),
        lambda d: _template(d)["synchronization"].pop("semaphores"),
        lambda d: _template(d).pop("synchronization") and _template(d).update(synchronization={}),
        lambda d: _argument(d, "lock-1").update(value=""),
    ],
    "retried": [
        lambda d: _template(d)["retryStrategy"].update(limit="10"),
        lambda d: _template(d)["retryStrategy"]["backoff"].pop("cap"),
        lambda d: _template(d).pop("retryStrategy"),
    ],
    "notified": [
        lambda d: _spec(d).pop("onExit"),
        lambda d: next(each for each in _spec(d)["templates"] if each["name"] == "on-exit").update(
            steps=[]
        ),
    ],
    "pinned_images": [
        lambda d: _main(d).update(image="registry.example/mixtape:latest"),
        lambda d: _main(d).update(image="mixtape"),
    ],
    "labelled": [
        lambda d: d.of("Role")[0]["metadata"]["labels"].pop("app.kubernetes.io/version"),
        lambda d: d.of("CronWorkflow")[0]["metadata"]["labels"].pop("mixtape/owner"),
        lambda d: _cron(d).pop("workflowMetadata"),
        lambda d: d.of("CronWorkflow")[0]["metadata"]["annotations"].pop(
            "workflows.argoproj.io/title"
        ),
    ],
    "apart_from_the_host": [
        lambda d: _spec(d).update(hostNetwork=True),
        lambda d: _spec(d)["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
        lambda d: _main(d).update(ports=[{"hostPort": 80}]),
    ],
    "bounded_traces": [
        lambda d: _spec(d).pop("activeDeadlineSeconds"),
        lambda d: _spec(d).pop("podGC"),
        lambda d: _spec(d).pop("ttlStrategy"),
        lambda d: _cron(d).pop("failedJobsHistoryLimit"),
        lambda d: _without(d, "ResourceQuota"),
        lambda d: _without(d, "LimitRange"),
    ],
    "verified_events": [
        lambda d: d.of("EventBus")[0]["spec"]["jetstreamExotic"].update(url="nats://x:4222"),
        lambda d: d.of("EventSource")[0]["spec"]["webhook"]["uploaded"].pop("authSecret"),
    ],
    "no_way_in": [
        lambda d: d.of("EventSource")[0]["spec"]["service"].update(type="NodePort"),
        lambda d: d.objects.append(_object("Service", "x", spec={"type": "LoadBalancer"})),
        lambda d: d.objects.append(_object("Ingress", "x", spec={})),
    ],
    "closed_secrets": [
        lambda d: _main(d)["envFrom"].append({"secretRef": {"name": "all"}}),
        lambda d: next(
            volume
            for pod in d.pods()
            for volume in pod.template.get("volumes", ())
            if "secret" in volume
        )["secret"].update(defaultMode=0o644),
    ],
    "one_wake_up": [
        lambda d: d.of("EventBus")[0]["spec"]["jetstreamExotic"].update(streamConfig="maxAge: 1h"),
        lambda d: d.of("Sensor")[0]["spec"]["triggers"][0].pop("rateLimit"),
        lambda d: d.of("Sensor")[0]["spec"]["triggers"][0].update(atLeastOnce=False),
    ],
}


def test_every_rule_is_in_the_hardening_guide(project_root: Path) -> None:
    guide = (project_root / "docs" / "hardening.md").read_text()
    named = set(re.findall(r"`([a-z_]+)`", guide))
    assert set(policy.RULES) <= named
    practices = re.findall(r"^\| ([A-Z]+-\d+) ", guide, re.MULTILINE)
    assert len(practices) == len(set(practices)) == 52
    shown = set(re.findall(r"`((?:cluster|image)/test_\w+\.py)`", guide))
    assert all((project_root / "tests" / "orchestrate" / each).exists() for each in shown)


def test_every_rule_has_a_counter_example() -> None:
    assert set(COUNTER_EXAMPLES) == set(policy.RULES)


@pytest.mark.parametrize(
    ("rule", "number"),
    [(rule, number) for rule, cases in COUNTER_EXAMPLES.items() for number in range(len(cases))],
)
def test_rule_sees_its_counter_example(rule: str, number: int, everything: Deployment) -> None:
    broken = everything.copy()
    COUNTER_EXAMPLES[rule][number](broken)
    assert list(policy.RULES[rule](broken)), "the rule saw nothing"
