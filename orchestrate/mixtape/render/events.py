"""Runs that an upload starts: a bucket's notification wakes the job that a schedule runs too.

An event carries nothing; the run itself finds what there is to load. The bus keeps one message
for each subject, so that however many uploads come while a run is being started, one more start
follows, after the last of them; the mutex does the rest.

Hera knows no EventBus, and a Sensor's resource only as bytes: these are plain objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mixtape.render import (
    access,
    cron_workflows,
    names,
    network,
    platform,
    resources,
    security,
    stores,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mixtape.render.clusters import Cluster, EventBus
    from mixtape.render.plan import Plan, Run

BUS = "mixtape-uploads"
SOURCE = "mixtape-uploads"
BUS_SECRET = "mixtape-event-bus"  # noqa: S105 - a name
WEBHOOK_SECRET = "mixtape-uploads-webhook"  # noqa: S105 - a name
WEBHOOK_PORT = 12000
STARTS_PER_MINUTE = 1
"""Argo Events saves up unused starts, ten at most: the fewer, the smaller the first rush."""

_VERSION = "argoproj.io/v1alpha1"
_EVENT = "uploaded"
SERVICE = f"{SOURCE}-eventsource-svc"
_SOURCE_LABELS = {"app.kubernetes.io/component": "event-source"}
_SENSOR_LABELS = {"app.kubernetes.io/component": "sensor"}


def objects(plan: Plan, where: Cluster, runs: tuple[Run, ...]) -> Iterator[dict[str, Any]]:
    """Yield the event path of a cluster, or nothing where no schedule is `on_upload`."""
    woken = [run for run in runs if run.schedule.annotations.on_upload]
    if not (woken and where.event_bus and where.production):
        return
    owner = plan.owner
    yield from _accounts(owner)
    yield platform.external_secret(BUS_SECRET, ["auth", "ca.crt"], owner)
    yield platform.external_secret(WEBHOOK_SECRET, ["token", "tls.crt", "tls.key"], owner)
    yield _bus(where.event_bus, owner)
    yield _source(owner)
    for run in woken:
        yield _sensor(run)
    yield from _ways(where, where.event_bus, owner)


def _bus(bus: EventBus, owner: str) -> dict[str, Any]:
    return {
        **_object("EventBus", BUS, "event-bus", owner),
        "spec": {
            "jetstreamExotic": {
                "url": bus.url,
                "accessSecret": _key(BUS_SECRET, "auth"),
                "tls": {"caCertSecret": _key(BUS_SECRET, "ca.crt")},
                "streamConfig": "maxMsgs: 1\nmaxAge: 1h\n",
            }
        },
    }


def _source(owner: str) -> dict[str, Any]:
    """Return the webhook that the object store calls, with a token and over TLS."""
    return {
        **_object("EventSource", SOURCE, "event-source", owner),
        "spec": {
            "eventBusName": BUS,
            "template": _pod(access.EVENT_SOURCE, "event-source", owner),
            "service": {"ports": [{"port": WEBHOOK_PORT, "targetPort": WEBHOOK_PORT}]},
            "webhook": {
                _EVENT: {
                    "endpoint": "/uploads",
                    "method": "POST",
                    "port": str(WEBHOOK_PORT),
                    "url": f"https://{SERVICE}",
                    "authSecret": _key(WEBHOOK_SECRET, "token"),
                    "serverCertSecret": _key(WEBHOOK_SECRET, "tls.crt"),
                    "serverKeySecret": _key(WEBHOOK_SECRET, "tls.key"),
                }
            },
        },
    }


def _sensor(run: Run) -> dict[str, Any]:
    """Return the sensor that starts what a schedule starts, seldom enough and at least once."""
    spec = cron_workflows.workflow_spec(run).model_dump(by_alias=True, exclude_none=True)
    name = f"{run.schedule.name}-on-upload"
    workflow = {
        "apiVersion": _VERSION,
        "kind": "Workflow",
        "metadata": {
            "generateName": f"{name[:46]}-",
            "labels": names.labels(
                "run", run.owner, job=run.schedule.job.name, schedule=run.schedule.name
            ),
        },
        "spec": spec,
    }
    return {
        **_object("Sensor", name, "sensor", run.owner),
        "spec": {
            "eventBusName": BUS,
            "template": _pod(access.SENSOR, "sensor", run.owner),
            "dependencies": [{"name": _EVENT, "eventSourceName": SOURCE, "eventName": _EVENT}],
            "triggers": [
                {
                    "template": {
                        "name": "start",
                        "k8s": {"operation": "create", "source": {"resource": workflow}},
                    },
                    "atLeastOnce": True,
                    "rateLimit": {"unit": "Minute", "requestsPerUnit": STARTS_PER_MINUTE},
                    "retryStrategy": {"steps": 5, "duration": "5s", "factor": 2},
                }
            ],
        },
    }


def _accounts(owner: str) -> Iterator[dict[str, Any]]:
    """Yield the accounts of the two pods: one can do nothing, the other make Workflows."""
    yield access.service_account(access.EVENT_SOURCE, "event-source", owner)
    sensor = access.service_account(access.SENSOR, "sensor", owner)
    yield {**sensor, "automountServiceAccountToken": True}
    yield from access.role(access.SENSOR, "sensor", owner, "workflows", ["create"])


def _ways(where: Cluster, bus: EventBus, owner: str) -> Iterator[dict[str, Any]]:
    """Yield the ways of the two pods: in from the object store alone, out to the bus alone."""
    caller = network.store(stores.OBJECT_STORE, where)
    yield network.ingress("uploads-webhook", _SOURCE_LABELS, caller, WEBHOOK_PORT, owner)
    port = network.tcp(int(bus.url.rpartition(":")[2]))
    for name, labels in (("event-source", _SOURCE_LABELS), ("sensor", _SENSOR_LABELS)):
        yield network.egress(f"{name}-bus", labels, [network.cidr(bus.cidr)], [port], owner)


def _pod(account: str, component: str, owner: str) -> dict[str, Any]:
    return {
        "serviceAccountName": account,
        "metadata": {"labels": names.labels(component, owner)},
        "securityContext": security.pod().model_dump(by_alias=True, exclude_none=True),
        "container": {
            "securityContext": security.container().model_dump(by_alias=True, exclude_none=True),
            "resources": resources.executor().model_dump(by_alias=True, exclude_none=True),
        },
    }


def _key(name: str, key: str) -> dict[str, str]:
    return {"name": name, "key": key}


def _object(kind: str, name: str, component: str, owner: str) -> dict[str, Any]:
    return {
        "apiVersion": _VERSION,
        "kind": kind,
        "metadata": {
            "name": name,
            "labels": names.labels(component, owner),
            "annotations": names.described(kind),
        },
    }
