"""Rules on pods: what they may do, take and write."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrate.render.reading import name_of, values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrate.render.deployment import Deployment

_ALLOWED_VOLUMES = {"emptyDir", "configMap", "secret", "projected", "downwardAPI"}


def restricted_namespace(found: Deployment) -> Iterator[str]:
    for namespace in found.of("Namespace"):
        labels = namespace["metadata"]["labels"]
        for mode in ("enforce", "audit", "warn"):
            if labels.get(f"pod-security.kubernetes.io/{mode}") != "restricted":
                yield f"{mode} is not restricted"
            if not re.fullmatch(
                r"v1\.\d+", labels.get(f"pod-security.kubernetes.io/{mode}-version", "")
            ):
                yield f"{mode} has no pinned version"


def restricted_pods(found: Deployment) -> Iterator[str]:
    for pod in found.pods():
        context = pod.spec["securityContext"]
        if not context.get("runAsNonRoot"):
            yield f"{pod.where}: may run as root"
        for who in ("runAsUser", "runAsGroup", "fsGroup"):
            if context.get(who, 0) < 10000:
                yield f"{pod.where}: {who} is below 10000"
        if context.get("fsGroupChangePolicy") != "OnRootMismatch":
            yield f"{pod.where}: fsGroup walks over every file"
        if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{pod.where}: no seccomp profile"


def apart_from_the_host(found: Deployment) -> Iterator[str]:
    for pod in found.pods():
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.spec.get(key):
                yield f"{pod.where}: {key}"
        for volume in pod.spec["volumes"]:
            if not set(volume) - {"name"} <= _ALLOWED_VOLUMES:
                yield f"{pod.where}: volume {volume['name']} is of a kind not allowed"
        for container in pod.containers:
            if any("hostPort" in port for port in container.get("ports", ())):
                yield f"{pod.where}/{container['name']}: host port"


def hardened_containers(found: Deployment) -> Iterator[str]:
    contexts = [
        (f"{pod.where}/{each['name']}", each.get("securityContext", {}))
        for pod in found.pods()
        for each in pod.containers
    ]
    for event in found.of("EventSource", "Sensor"):
        container = event["spec"]["template"]["container"]
        contexts.append((name_of(event), container.get("securityContext", {})))
    for where, context in contexts:
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{where}: may gain privileges"
        if context.get("privileged"):
            yield f"{where}: privileged"
        if context.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{where}: keeps capabilities"
        if context.get("runAsNonRoot") is not True or context.get("runAsUser", 0) < 10000:
            yield f"{where}: may run as root"
        if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{where}: no seccomp profile"
        if context.get("readOnlyRootFilesystem") is not True:
            yield f"{where}: writable root"


def sized_scratch(found: Deployment) -> Iterator[str]:
    for pod in found.pods():
        volumes = {each["name"]: each for each in pod.spec["volumes"]}
        for volume in volumes.values():
            if "emptyDir" in volume and not volume["emptyDir"].get("sizeLimit"):
                yield f"{pod.where}: {volume['name']} has no size"
        writable = {
            mount["mountPath"]: volumes[mount["name"]]
            for mount in pod.main["volumeMounts"]
            if not mount.get("readOnly")
        }
        environment = values(pod)
        for path in ("/tmp", environment.get("MELTANO_SYS_DIR_ROOT", "/tmp")):
            if "emptyDir" not in writable.get(path, {}):
                yield f"{pod.where}: {path} is no folder of its own"


def bounded_pods(found: Deployment) -> Iterator[str]:
    for pod in found.pods():
        for container in pod.containers:
            resources = container.get("resources", {})
            for kind in ("requests", "limits"):
                for what in ("cpu", "memory", "ephemeral-storage"):
                    if what not in resources.get(kind, {}):
                        yield f"{pod.where}/{container['name']}: no {kind} of {what}"
        if "activeDeadlineSeconds" not in pod.template:
            yield f"{pod.where}: no deadline"
        if pod.spec.get("terminationGracePeriodSeconds", 30) < 60:
            yield f"{pod.where}: a commit does not fit into its grace"


def bounded_traces(found: Deployment) -> Iterator[str]:
    for each in found.of("WorkflowTemplate"):
        for key in ("activeDeadlineSeconds", "podGC", "ttlStrategy"):
            if not each["spec"].get(key):
                yield f"{name_of(each)}: no {key}"
    for each in found.of("CronWorkflow"):
        for key in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
            if not 0 < each["spec"].get(key, 0) <= 10:
                yield f"{name_of(each)}: {key}"
    for kind in ("ResourceQuota", "LimitRange"):
        if not found.of(kind):
            yield f"no {kind}"


def pinned_images(found: Deployment) -> Iterator[str]:
    for pod in found.pods():
        if not re.fullmatch(r"[^@:]+@sha256:[0-9a-f]{64}", pod.main["image"]):
            yield f"{pod.where}: {pod.main['image']}"
