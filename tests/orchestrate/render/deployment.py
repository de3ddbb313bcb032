"""What a cluster is given, unwrapped: CronWorkflow → WorkflowTemplate → template → pod."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from mixtape.render.tree import FOLDER, rendered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Object = dict[str, Any]


@dataclass
class Pod:
    """A pod as Argo would make it, with the podSpecPatch applied."""

    where: str
    labels: dict[str, str]
    spec: Object
    template: Object

    @property
    def containers(self) -> list[Object]:
        """Every container, Argo's own among them."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def main(self) -> Object:
        """The container with our image."""
        return next(each for each in self.spec["containers"] if each["name"] == "main")


@dataclass
class Scheduled:
    """A CronWorkflow with what its run would be."""

    cron: Object
    arguments: dict[str, str]
    pods: list[Pod]
    exit_pods: list[Pod]


class Deployment:
    """All objects of one cluster, with the image that Kustomize puts in."""

    def __init__(self, objects: list[Object]) -> None:
        """Hold ``objects``, which a test may change."""
        self.objects = objects

    def of(self, *kinds: str) -> list[Object]:
        """Return the objects of some kinds."""
        return [each for each in self.objects if each["kind"] in kinds]

    def one(self, kind: str, name: str) -> Object:
        """Return the object of that kind and name."""
        (found,) = (each for each in self.of(kind) if each["metadata"]["name"] == name)
        return found

    def copy(self) -> Deployment:
        """Return one that can be changed alone."""
        return Deployment(copy.deepcopy(self.objects))

    def pods(self) -> Iterator[Pod]:
        """Yield the pod of every template that is one, of every WorkflowTemplate."""
        for found in self.of("WorkflowTemplate"):
            for template in found["spec"]["templates"]:
                if "container" in template:
                    yield _pod(found, template)

    def runs(self) -> Iterator[Pod]:
        """Yield the pods that run Meltano."""
        return (pod for pod in self.pods() if pod.main["command"] == ["meltano"])

    def scheduled(self) -> Iterator[Scheduled]:
        """Yield each CronWorkflow with the pods that its entry point reaches."""
        for cron in self.of("CronWorkflow"):
            spec = cron["spec"]["workflowSpec"]
            template = self.one("WorkflowTemplate", spec["workflowTemplateRef"]["name"])
            entry = spec.get("entrypoint") or template["spec"]["entrypoint"]
            arguments = {each["name"]: each["value"] for each in spec["arguments"]["parameters"]}
            on_exit = template["spec"].get("onExit")
            yield Scheduled(
                cron,
                arguments,
                list(_reached(template, entry)),
                list(_reached(template, on_exit)) if on_exit else [],
            )


def deployment(root: Path, cluster: str) -> Deployment:
    """Return what ``cluster`` is given, as rendered from the project at ``root``."""
    files = rendered(root)
    objects: list[Object] = []
    for name, text in files.items():
        in_base = name.startswith(f"{FOLDER}/base/")
        in_overlay = name.startswith(f"{FOLDER}/overlays/{cluster}/")
        if (in_base or in_overlay) and not name.endswith(("kustomization.yaml", "-fields.yaml")):
            objects += yaml.load_all(text, Loader=yaml.CSafeLoader)
    kustomization = yaml.safe_load(files[f"{FOLDER}/overlays/{cluster}/kustomization.yaml"])
    (image,) = kustomization["images"]
    for found in objects:
        for template in found.get("spec", {}).get("templates", ()):
            if template.get("container", {}).get("image") == image["name"]:
                template["container"]["image"] = f"{image['newName']}@{image['digest']}"
        found["metadata"]["namespace"] = kustomization["namespace"]
    return Deployment(objects)


def _reached(template: Object, entry: str) -> Iterator[Pod]:
    templates = {each["name"]: each for each in template["spec"]["templates"]}
    found = templates[entry]
    if "container" in found:
        yield _pod(template, found)
    steps = [step for group in found.get("steps", ()) for step in group]
    for step in [*steps, *found.get("dag", {}).get("tasks", ())]:
        yield from _reached(template, step["template"])


def _pod(workflow_template: Object, template: Object) -> Pod:
    spec = workflow_template["spec"]
    pod: Object = {
        "serviceAccountName": template.get("serviceAccountName", spec.get("serviceAccountName")),
        "automountServiceAccountToken": spec.get("automountServiceAccountToken", True),
        "securityContext": template.get("securityContext", spec.get("securityContext", {})),
        "volumes": [*spec.get("volumes", ()), *template.get("volumes", ())],
        "initContainers": [{"name": "init"}],
        "containers": [{"name": "main", **template["container"]}, {"name": "wait"}],
    }
    pod |= {key: spec[key] for key in ("hostNetwork", "hostPID", "hostIPC") if key in spec}
    for patch in (spec.get("podSpecPatch"), template.get("podSpecPatch")):
        for key, value in json.loads(patch or "{}").items():
            if key in {"containers", "initContainers"}:
                for patched in value:
                    (own,) = (each for each in pod[key] if each["name"] == patched["name"])
                    own |= patched
            else:
                pod[key] = value
    labels = {
        **spec.get("podMetadata", {}).get("labels", {}),
        **template.get("metadata", {}).get("labels", {}),
    }
    where = f"{workflow_template['metadata']['name']}/{template['name']}"
    return Pod(where, labels, pod, template)
