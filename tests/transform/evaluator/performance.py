"""Performance: what many read is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transform.evaluator.project import PHYSICAL, Node, Project, edge, is_a, name, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

CHAIN = 4
"""So many views one behind the other are too many."""


@rule
def chained_views_dependencies(project: Project) -> Iterator[str]:
    """A model reads through a long chain of models that are not stored."""
    for model in project.models:
        if max((_views(project, parent) for parent in project.parents(model)), default=0) >= CHAIN:
            yield name(model)


@rule
def exposure_parents_materializations(project: Project) -> Iterator[str]:
    """An exposure reads a source, or a model that is not stored."""
    for exposure in project.exposures:
        for parent in project.parents(exposure):
            if is_a(parent, "source") or not _stored(parent):
                yield edge(exposure, parent)


def _views(project: Project, node: Node) -> int:
    """Return how many models that are not stored come one behind the other, up to this one."""
    if not is_a(node, "model") or _stored(node):
        return 0
    return 1 + max((_views(project, parent) for parent in project.parents(node)), default=0)


def _stored(node: Node) -> bool:
    return node.get("config", {}).get("materialized") in PHYSICAL
