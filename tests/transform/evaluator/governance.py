"""Governance: what is public is promised and described, and only that is exposed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transform.evaluator.project import Project, edge, is_a, name, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

PUBLIC = "public"


@rule
def exposures_dependent_on_private_models(project: Project) -> Iterator[str]:
    """An exposure reads a model that is not public."""
    for exposure in project.exposures:
        for parent in project.parents(exposure):
            if is_a(parent, "model") and parent["access"] != PUBLIC:
                yield edge(exposure, parent)


@rule
def public_models_without_contract(project: Project) -> Iterator[str]:
    """A public model's columns are not promised."""
    for model in project.models:
        if model["access"] == PUBLIC and not model["contract"]["enforced"]:
            yield name(model)


@rule
def undocumented_public_models(project: Project) -> Iterator[str]:
    """A public model, or a column of it, is not described."""
    for model in project.models:
        columns = model["columns"].values()
        described = model["description"] and columns and all(c["description"] for c in columns)
        if model["access"] == PUBLIC and not described:
            yield name(model)
