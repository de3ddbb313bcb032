"""Names and labels: what Kubernetes and Argo allow, and the labels that everything carries."""

from __future__ import annotations

import functools
import importlib.metadata
import re

LONGEST_CRON_NAME = 52
"""Argo puts eleven characters behind a CronWorkflow's name, and 63 is Kubernetes' limit."""

APP = "mixtape"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")

# Argo CD applies in this order, so that nothing comes before what it needs.
_WAVES = {
    "Namespace": 0,
    "ResourceQuota": 1,
    "LimitRange": 1,
    "NetworkPolicy": 1,
    "ConfigMap": 2,
    "ExternalSecret": 2,
    "Secret": 2,
    "ServiceAccount": 2,
    "Role": 2,
    "RoleBinding": 2,
    "WorkflowTemplate": 3,
    "EventBus": 3,
    "EventSource": 4,
    "Sensor": 4,
    "CronWorkflow": 4,
}


def check(name: str, longest: int = LONGEST_CRON_NAME) -> str:
    """Return a name that Kubernetes takes.

    Raises:
        ValueError: too long, or other characters than a-z, 0-9 and -.
    """
    if len(name) > longest:
        raise ValueError(f"{name!r} has {len(name)} characters; {longest} is the most")
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r}: a name is made of a-z, 0-9 and -, with no - at its ends")
    return name


def labels(component: str, owner: str, **more: str) -> dict[str, str]:
    """Return the labels that every object and pod carries; `more` becomes `mixtape/<key>`."""
    return {
        "app.kubernetes.io/name": APP,
        "app.kubernetes.io/instance": APP,
        "app.kubernetes.io/version": _version(),
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": APP,
        "app.kubernetes.io/managed-by": "mixtape-render",
        f"{APP}/owner": owner,
        **{f"{APP}/{key}": value for key, value in more.items()},
    }


def described(kind: str, title: str = "", description: str = "") -> dict[str, str]:
    """Return the annotations of an object: its sync wave, and what Argo's screens show."""
    said = {"argocd.argoproj.io/sync-wave": str(_WAVES[kind])}
    if title:
        said["workflows.argoproj.io/title"] = title
        said["workflows.argoproj.io/description"] = description
    return said


@functools.cache
def _version() -> str:
    return importlib.metadata.version("mixtape-elt")
