"""What is written by hand beside the rendered manifests is in step with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mixtape.render.platform import NAMESPACE
from orchestrate.render.deployment import deployment

if TYPE_CHECKING:
    from pathlib import Path

_OVERLAYS = ("us-prod", "ca-prod")
_CLUSTER_WIDE = {"Namespace"}


@pytest.fixture
def argocd(project_root: Path) -> dict[str, Any]:
    """Argo CD's objects, by kind."""
    text = (project_root / "orchestrate/deploy/argocd/mixtape.yaml").read_text()
    return {each["kind"]: each for each in yaml.safe_load_all(text)}


def test_argo_cd_may_bring_what_is_rendered_and_nothing_else(
    argocd: dict[str, Any], project_root: Path
) -> None:
    rendered = {
        (each["apiVersion"].rpartition("/")[0].partition("/")[0], each["kind"])
        for overlay in _OVERLAYS
        for each in deployment(project_root, overlay).objects
    }
    spec = argocd["AppProject"]["spec"]
    allowed = {
        scope: {(each["group"], each["kind"]) for each in spec[f"{scope}ResourceWhitelist"]}
        for scope in ("cluster", "namespace")
    }
    assert allowed["cluster"] == {each for each in rendered if each[1] in _CLUSTER_WIDE}
    assert allowed["namespace"] == {each for each in rendered if each[1] not in _CLUSTER_WIDE}
    assert [each["namespace"] for each in spec["destinations"]] == [NAMESPACE]


def test_argo_cd_finds_an_overlay_for_each_cluster(
    argocd: dict[str, Any], project_root: Path
) -> None:
    spec = argocd["ApplicationSet"]["spec"]
    (directory,) = spec["generators"][0]["git"]["directories"]
    assert {path.name for path in project_root.glob(directory["path"])} == set(_OVERLAYS)
    source = spec["template"]["spec"]["source"]
    assert [source["repoURL"]] == argocd["AppProject"]["spec"]["sourceRepos"]
    policy = spec["template"]["spec"]["syncPolicy"]
    assert policy["automated"] == {"prune": True, "selfHeal": True}
    assert "ServerSideApply=true" in policy["syncOptions"]


def test_alerts_lead_to_a_part_of_the_runbook(project_root: Path) -> None:
    path = project_root / "orchestrate/deploy/platform/alerts.yaml"
    (group,) = yaml.safe_load(path.read_text())["spec"]["groups"]
    runbook = (project_root / "docs/runbook.md").read_text()
    for rule in group["rules"]:
        assert f'namespace="{NAMESPACE}"' in rule["expr"]
        _, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert f"\n## {anchor.replace('-', ' ').capitalize()}\n" in runbook
