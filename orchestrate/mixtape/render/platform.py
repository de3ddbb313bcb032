"""The namespace, its bounds, its settings, and where its secrets come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mixtape.render import locks, names, pods, resources, stores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mixtape.render.clusters import Cluster
    from mixtape.render.plan import Plan

NAMESPACE = "mixtape"
SECRET_STORE = "mixtape"  # noqa: S105 - a name
"""The ClusterSecretStore that each cluster's platform binds to its own vault."""

POD_SECURITY_VERSION = "v1.34"


def base(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield the namespace, what a container gets that says nothing, and references to secrets."""
    enforced = {
        f"pod-security.kubernetes.io/{mode}{what}": value
        for mode in ("enforce", "audit", "warn")
        for what, value in (("", "restricted"), ("-version", POD_SECURITY_VERSION))
    }
    namespace = _object("v1", "Namespace", NAMESPACE, "namespace", plan.owner)
    namespace["metadata"]["labels"] |= enforced
    yield namespace
    yield {
        **_object("v1", "LimitRange", "mixtape", "limits", plan.owner),
        "spec": resources.limit_range(),
    }


def secrets(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield a reference for each account in use, and for the webhook."""
    found = {
        account.secret: [*account.secrets.values(), *account.files]
        for access in plan.accesses
        for account in stores.accounts(access.plugins)
    }
    for name in sorted(found):
        yield external_secret(name, found[name], plan.owner)
    if any(cluster.webhook for cluster, _ in plan.clusters):
        yield external_secret(pods.WEBHOOK_SECRET, ["url"], plan.owner)


def cluster(plan: Plan, where: Cluster) -> Iterator[dict[str, Any]]:
    """Yield a cluster's own: its settings, and how much it carries at once."""
    settings = _object("v1", "ConfigMap", pods.SETTINGS, "settings", plan.owner)
    known = {"MELTANO_ENVIRONMENT": where.environment, "MIXTAPE_IMAGE": where.image}
    yield {**settings, "data": dict(sorted({**where.settings, **known}.items()))}
    limits = _object("v1", "ConfigMap", locks.LIMITS, "limits", plan.owner)
    yield {**limits, "data": {locks.RUNS: str(where.parallel_runs)}}
    yield {
        **_object("v1", "ResourceQuota", "mixtape", "limits", plan.owner),
        "spec": resources.quota(where.parallel_runs),
    }


def external_secret(name: str, keys: list[str], owner: str) -> dict[str, Any]:
    """Return the reference that fills a Secret of one account with just these keys."""
    return {
        **_object("external-secrets.io/v1", "ExternalSecret", name, "secrets", owner),
        "spec": {
            "refreshInterval": "1h",
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": SECRET_STORE},
            "target": {"name": name, "creationPolicy": "Owner"},
            "data": [
                {"secretKey": key, "remoteRef": {"key": f"{names.APP}/{name}", "property": key}}
                for key in keys
            ],
        },
    }


def _object(version: str, kind: str, name: str, component: str, owner: str) -> dict[str, Any]:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {
            "name": name,
            "labels": names.labels(component, owner),
            "annotations": names.described(kind),
        },
    }
