"""Who uses the public models: declared, owned, and asking for nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from transform.bi.queries import queries, relations

if TYPE_CHECKING:
    from pathlib import Path

    from transform.growing import Growing


@pytest.fixture(scope="module")
def manifest(published: Growing) -> dict[str, Any]:
    """The project's manifest."""
    published.warehouse.dbt("parse")
    return published.warehouse.manifest()


def test_each_exposure_declares_exactly_the_models_that_its_queries_read(
    manifest: dict[str, Any], project_root: Path
) -> None:
    read: dict[str, set[str]] = {}
    for name, query in queries(project_root).items():
        read.setdefault(name.partition("/")[0], set()).update(relations(query))
    declared = {
        exposure["name"]: {parent.rpartition(".")[2] for parent in exposure["depends_on"]["nodes"]}
        for exposure in manifest["exposures"].values()
    }
    assert declared == read
    assert len(declared) == 3


def test_exposures_are_owned_and_read_public_models_alone(manifest: dict[str, Any]) -> None:
    for exposure in manifest["exposures"].values():
        assert exposure["owner"]["name"]
        assert exposure["description"]
        parents = [manifest["nodes"][parent] for parent in exposure["depends_on"]["nodes"]]
        assert {(parent["access"], parent["schema"]) for parent in parents} == {("public", "marts")}


def test_every_metric_is_shown_on_a_dashboard(manifest: dict[str, Any]) -> None:
    metrics = {
        node["unique_id"]
        for node in manifest["nodes"].values()
        if node["name"].startswith("metric_")
    }
    shown = {
        parent
        for exposure in manifest["exposures"].values()
        for parent in exposure["depends_on"]["nodes"]
    }
    assert len(metrics) == 5
    assert metrics <= shown
