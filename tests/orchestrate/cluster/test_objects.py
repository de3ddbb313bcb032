"""Argo's linter and the API server take every object, and see what would be wrong with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from orchestrate.cluster.kube import Kube, Object, Refused
from orchestrate.cluster.platform import rendered_for

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrate.cluster.runs import Cluster

pytestmark = pytest.mark.cluster

_LINTED = {"CronWorkflow", "Workflow", "WorkflowTemplate"}


@pytest.fixture(params=["us-prod", "ca-prod", "node"])
def objects(
    request: pytest.FixtureRequest, kube: Kube, project_root: Path, overlay: Path
) -> list[Object]:
    """What Kustomize builds for the committed clusters, and for the one of this run."""
    folder = str(project_root / "orchestrate" / "deploy" / "overlays" / request.param)
    text = kube("kustomize", rendered_for(overlay) if request.param == "node" else folder)
    return list(yaml.safe_load_all(text))


def test_linter_takes_every_workflow(objects: list[Object], kube: Kube, tmp_path: Path) -> None:
    found = _workflows(objects)
    assert {each["kind"] for each in found} >= {"CronWorkflow", "WorkflowTemplate"}
    _lint(kube, found, tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("entrypoint: tap-files-target-postgres", "entrypoint: nothing"),
        ("workflowTemplateRef:\n      name: meltano-run", "workflowTemplateRef:\n      name: no"),
        ("- '*/15 * * * *'", "- '* * * *'"),
        ("concurrencyPolicy", "concurencyPolicy"),
        ("{{inputs.parameters.job}}", "{{inputs.parameters.jobs}}"),
    ],
)
def test_linter_sees_what_would_be_wrong(
    kube: Kube, project_root: Path, tmp_path: Path, old: str, new: str
) -> None:
    folder = str(project_root / "orchestrate" / "deploy" / "overlays" / "us-prod")
    text = kube("kustomize", folder).replace("- 30 * * * *", "- '*/15 * * * *'")
    assert old in text
    with pytest.raises(Refused):
        _lint(kube, _workflows(list(yaml.safe_load_all(text.replace(old, new)))), tmp_path)


def test_api_server_takes_every_object(objects: list[Object], cluster: Cluster) -> None:
    said = _dry_run(cluster.kube, objects)
    assert len(said.splitlines()) == len(objects)


def test_api_server_sees_a_misspelt_field(objects: list[Object], cluster: Cluster) -> None:
    template = next(each for each in objects if each["kind"] == "WorkflowTemplate")
    template["spec"]["ttlStrateggy"] = template["spec"].pop("ttlStrategy")
    with pytest.raises(Refused, match="ttlStrateggy"):
        _dry_run(cluster.kube, [template])


def _workflows(objects: list[Object]) -> list[Object]:
    """Return what Argo runs, and what a Sensor would make of an event."""
    found = [each for each in objects if each["kind"] in _LINTED]
    for each in objects:
        if each["kind"] == "Sensor":
            for trigger in each["spec"]["triggers"]:
                made = trigger["template"]["k8s"]["source"]["resource"]
                made["metadata"]["namespace"] = each["metadata"]["namespace"]
                found.append(made)
    return found


def _lint(kube: Kube, objects: list[Object], folder: Path) -> None:
    path = folder / "workflows.yaml"
    path.write_text(yaml.safe_dump_all(objects))
    kube.argo("lint", "--offline", "--strict", str(path))


def _dry_run(kube: Kube, objects: list[Object]) -> str:
    return kube(
        *("apply", "--server-side", "--dry-run=server", "--force-conflicts", "--validate=strict"),
        *("--filename", "-"),
        given=yaml.safe_dump_all(objects),
    )
