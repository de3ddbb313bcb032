"""Documentation: every model and source is described."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transform.evaluator.project import Project, name, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

COVERAGE = 1.0
"""The share of models that must be described."""


@rule
def documentation_coverage(project: Project) -> Iterator[str]:
    """Too small a share of the models is described."""
    described = sum(bool(model["description"]) for model in project.models)
    if described < COVERAGE * len(project.models):
        yield f"{described} of {len(project.models)} models"


@rule
def undocumented_models(project: Project) -> Iterator[str]:
    """A model is not described."""
    for model in project.models:
        if not model["description"]:
            yield name(model)


@rule
def undocumented_source_tables(project: Project) -> Iterator[str]:
    """A table of a source is not described."""
    for source in project.sources:
        if not source["description"]:
            yield name(source)


@rule
def undocumented_sources(project: Project) -> Iterator[str]:
    """A source is not described."""
    for each in sorted({s["source_name"] for s in project.sources if not s["source_description"]}):
        yield str(each)
