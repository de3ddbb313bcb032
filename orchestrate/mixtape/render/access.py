"""Who may do what in the namespace: an account for each kind of run, and Argo's two verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mixtape.render import names, pods

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mixtape.render.plan import Plan

SENSOR = "mixtape-sensor"
EVENT_SOURCE = "mixtape-event-source"
_RBAC = "rbac.authorization.k8s.io"


def objects(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield the accounts of runs, which can do nothing, and of Argo's executor."""
    for access in plan.accesses:
        yield service_account(pods.service_account(access), "run", plan.owner)
    yield service_account("mixtape-notify", "notify", plan.owner)
    yield from _executor(plan.owner)


def service_account(name: str, component: str, owner: str) -> dict[str, Any]:
    """Return an account whose token is mounted nowhere by itself."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata("ServiceAccount", name, component, owner),
        "automountServiceAccountToken": False,
    }


def role(
    name: str, component: str, owner: str, resource: str, verbs: list[str]
) -> Iterator[dict[str, Any]]:
    """Yield a Role on one of Argo's resources, and its binding to the account of that name."""
    yield {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role",
        "metadata": _metadata("Role", name, component, owner),
        "rules": [{"apiGroups": ["argoproj.io"], "resources": [resource], "verbs": verbs}],
    }
    yield {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": _metadata("RoleBinding", name, component, owner),
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name}],
    }


def _executor(owner: str) -> Iterator[dict[str, Any]]:
    yield service_account(pods.EXECUTOR, "executor", owner)
    yield from role(pods.EXECUTOR, "executor", owner, "workflowtaskresults", ["create", "patch"])
    # Where a pod's own account has no token, Argo mounts this one into its own containers alone.
    # Kubernetes fills it in; there is nothing secret here.
    secret = f"{pods.EXECUTOR}.service-account-token"
    metadata = _metadata("Secret", secret, "executor", owner)
    metadata["annotations"]["kubernetes.io/service-account.name"] = pods.EXECUTOR
    yield {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": metadata,
    }


def _metadata(kind: str, name: str, component: str, owner: str) -> dict[str, Any]:
    return {
        "name": name,
        "labels": names.labels(component, owner),
        "annotations": names.described(kind),
    }
