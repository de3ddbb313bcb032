"""What a pod may do: as little as Meltano and Argo's own containers can live with.

Argo gives its init and wait containers no security context; the namespace's *restricted* standard
would refuse every pod. The controller is shared with others, so the patch is in the templates.
"""

from __future__ import annotations

import json
from typing import Any

from hera.workflows.models import Capabilities, PodSecurityContext, SeccompProfile, SecurityContext

from mixtape.render import resources

USER = 10001
"""User and group of the image (Dockerfile)."""

GRACE_SECONDS = 120
"""Between SIGTERM and SIGKILL: a running commit, its STATE, and the tap's last record."""


def pod() -> PodSecurityContext:
    """Return the pod's part; volumes become readable for the group without a walk over them."""
    return PodSecurityContext(
        run_as_non_root=True,
        run_as_user=USER,
        run_as_group=USER,
        fs_group=USER,
        fs_group_change_policy="OnRootMismatch",
        seccomp_profile=SeccompProfile(type="RuntimeDefault"),
    )


def container() -> SecurityContext:
    """Return a container's part."""
    return SecurityContext(
        run_as_non_root=True,
        run_as_user=USER,
        run_as_group=USER,
        privileged=False,
        allow_privilege_escalation=False,
        read_only_root_filesystem=True,
        capabilities=Capabilities(drop=["ALL"]),
        seccomp_profile=SeccompProfile(type="RuntimeDefault"),
    )


def executor_patch() -> str:
    """Return the `podSpecPatch` that hardens the containers which Argo adds, as JSON."""
    argo: dict[str, Any] = {
        "securityContext": container().model_dump(by_alias=True, exclude_none=True),
        "resources": resources.executor().model_dump(by_alias=True, exclude_none=True),
    }
    patch = {
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "initContainers": [{"name": "init", **argo}],
        "containers": [{"name": "wait", **argo}],
    }
    return json.dumps(patch, sort_keys=True)
