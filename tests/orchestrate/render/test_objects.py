"""What is rendered has only fields that exist, and Kustomize builds what the rules look at."""

from __future__ import annotations

import shutil
import subprocess
import types
import typing
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hera.events import models as events
from hera.workflows import models as workflows
from pydantic import BaseModel, RootModel

from mixtape.render.tree import FOLDER, rendered
from orchestrate.render.deployment import deployment
from orchestrate.render.projects import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MODELS: dict[str, type[BaseModel]] = {
    "CronWorkflow": workflows.CronWorkflow,
    "EventSource": events.EventSource,
    "Sensor": events.Sensor,
    "Workflow": workflows.Workflow,
    "WorkflowTemplate": workflows.WorkflowTemplate,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that has every kind of object, rendered."""
    found = write(tmp_path_factory.mktemp("objects"))
    for name, text in rendered(found).items():
        (found / name).parent.mkdir(parents=True, exist_ok=True)
        (found / name).write_text(text)
    return found


def test_argo_knows_every_field(root: Path) -> None:
    checked = 0
    for found in deployment(root, "one").objects:
        if model := _MODELS.get(found["kind"]):
            assert list(_unknown(found, model, found["kind"])) == []
            checked += 1
    assert checked > 5


def test_misspelt_field_is_seen() -> None:
    sensor = {
        "kind": "Sensor",
        "spec": {"triggers": [{"atleastOnce": True}], "dependencies": []},
    }
    assert list(_unknown(sensor, events.Sensor, "Sensor")) == ["Sensor.spec.triggers.atleastOnce"]


@pytest.mark.parametrize("cluster", ["one", "two"])
def test_kustomize_builds_what_the_rules_look_at(root: Path, cluster: str) -> None:
    tool = _kustomize()
    if tool is None:
        # No registry has it; the rules read the same files without it.
        pytest.skip("neither kustomize nor kubectl is on this machine")
    overlay = root / FOLDER / "overlays" / cluster
    built = subprocess.run(
        [*tool, str(overlay)], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    objects = {_identity(each): each for each in yaml.load_all(built, Loader=yaml.CSafeLoader)}
    expected = {_identity(each): each for each in deployment(root, cluster).objects}
    assert objects.keys() == expected.keys()
    for identity, each in expected.items():
        assert objects[identity]["spec" if "spec" in each else "metadata"] == (
            each["spec"] if "spec" in each else _in_namespace(each)
        ), identity


def _kustomize() -> list[str] | None:
    if path := shutil.which("kustomize"):
        return [path, "build"]
    if path := shutil.which("kubectl"):
        return [path, "kustomize"]
    return None


def _identity(found: dict[str, Any]) -> tuple[str, str]:
    return found["kind"], found["metadata"]["name"]


def _in_namespace(found: dict[str, Any]) -> dict[str, Any]:
    metadata = dict(found["metadata"])
    if found["kind"] == "Namespace":
        del metadata["namespace"]
    return metadata


def _unknown(value: Any, annotation: Any, path: str) -> Iterator[str]:
    """Yield the path of each key that the type does not have."""
    annotation = _without_none(annotation)
    if annotation is events.K8SResource:  # a resource of its own, which Hera takes for bytes
        annotation = _MODELS[value["kind"]]
    if isinstance(annotation, type) and issubclass(annotation, RootModel):
        yield from _unknown(value, annotation.model_fields["root"].annotation, path)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _unknown_keys(value, annotation, path)
    elif typing.get_origin(annotation) in {list, dict}:
        item = typing.get_args(annotation)[-1]
        for below in value.values() if isinstance(value, dict) else value:
            yield from _unknown(below, item, path)


def _unknown_keys(value: Any, model: type[BaseModel], path: str) -> Iterator[str]:
    fields = _fields(model)
    for key, below in value.items() if isinstance(value, dict) else ():
        if key not in fields:
            yield f"{path}.{key}"
        elif key not in {"apiVersion", "kind"}:
            yield from _unknown(below, fields[key].annotation, f"{path}.{key}")


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """Return a model's fields by the names that YAML has for them."""
    fields: dict[str, Any] = (
        {"apiVersion": None, "kind": None} if "spec" in model.model_fields else {}
    )
    for name, field in model.model_fields.items():
        fields[field.alias or name] = field
    if context := fields.pop("webhookContext", None):  # inline in YAML, which Hera was not told
        fields |= _fields(_without_none(context.annotation))
    return fields


def _without_none(annotation: Any) -> Any:
    if typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        models = [each for each in typing.get_args(annotation) if each is not type(None)]
        return models[0] if len(models) == 1 else None
    return annotation
