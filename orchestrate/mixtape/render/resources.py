"""What a run takes: memory, processor, disk, and how long its traces stay."""

from __future__ import annotations

from typing import Any

from hera.workflows.models import PodGC, Quantity, ResourceRequirements, TTLStrategy

HISTORY = 3
"""Ended Workflows of each kind that a CronWorkflow keeps for people to look at."""

LONGEST_WORKFLOW_SECONDS = 86400
"""The end of a Workflow that waits for its locks; a run's own deadline is its parameter."""

_RUN = {"cpu": "500m", "memory": "512Mi", "ephemeral-storage": "1Gi"}
_RUN_LIMITS = {"cpu": "2", "memory": "1Gi", "ephemeral-storage": "2Gi"}
_SMALL = {"cpu": "50m", "memory": "64Mi", "ephemeral-storage": "64Mi"}
_SMALL_LIMITS = {"cpu": "500m", "memory": "256Mi", "ephemeral-storage": "256Mi"}


def run() -> ResourceRequirements:
    """Return what `meltano run` takes: the tap, the target and dbt hold 200 MB each at most."""
    return _requirements(_RUN, _RUN_LIMITS)


def executor() -> ResourceRequirements:
    """Return what the small containers around a run take."""
    return _requirements(_SMALL, _SMALL_LIMITS)


def pod_gc() -> PodGC:
    """Return when pods go: soon after success, with time to read their logs; failed ones stay."""
    return PodGC(strategy="OnPodSuccess", delete_delay_duration="10m")


def ttl() -> TTLStrategy:
    """Return when Workflows go: a day after a good end, a week after a bad one."""
    return TTLStrategy(seconds_after_success=86400, seconds_after_failure=604800)


def limit_range() -> dict[str, Any]:
    """Return the spec that gives a container without figures the small ones."""
    return {"limits": [{"type": "Container", "default": _SMALL_LIMITS, "defaultRequest": _SMALL}]}


def quota(runs: int) -> dict[str, Any]:
    """Return a namespace's quota for so many runs at once, each with as small a pod beside it.

    A pod is the run and Argo's wait container; its init container is done before they start.
    """
    pods = 2 * runs + 10  # exit handlers, and the event path's own
    return {
        "hard": {
            "pods": str(pods),
            "requests.cpu": f"{runs * 500 + pods * 50}m",
            "requests.memory": f"{runs * 512 + pods * 64}Mi",
            "requests.ephemeral-storage": f"{runs * 1024 + pods * 64}Mi",
            "limits.cpu": f"{runs * 2000 + pods * 500}m",
            "limits.memory": f"{runs * 1024 + pods * 256}Mi",
            "limits.ephemeral-storage": f"{runs * 2048 + pods * 256}Mi",
            "services.loadbalancers": "0",
            "services.nodeports": "0",
            "persistentvolumeclaims": "0",
        }
    }


def _requirements(requests: dict[str, str], limits: dict[str, str]) -> ResourceRequirements:
    return ResourceRequirements(
        requests={name: Quantity(root=value) for name, value in requests.items()},
        limits={name: Quantity(root=value) for name, value in limits.items()},
    )
