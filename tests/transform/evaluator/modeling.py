"""Modelling: how models, sources and each other's children hang together."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from transform.evaluator.project import Node, Project, edge, is_a, name, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

FANOUT = 3
"""So many leaves of one model are too many."""
JOINS = 7
"""So many parents of one model are too many."""
_TEMPLATED = re.compile(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}|--[^\n]*|/\*.*?\*/", re.DOTALL)
_NAMED_TABLE = re.compile(
    r"\b(?:from|join)\s+(\"?\w+\"?(?:\.\"?\w+\"?){1,2})(?!\w*\()", re.IGNORECASE
)
_TEMPLATED_TABLE = re.compile(r"\b(?:from|join)\s+\{\{\s*var\(", re.IGNORECASE)


@rule
def direct_join_to_source(project: Project) -> Iterator[str]:
    """A model reads a source and a model beside it."""
    for model in project.models:
        parents = project.parents(model)
        sources = [each for each in parents if is_a(each, "source")]
        if sources and any(is_a(each, "model") for each in parents):
            yield edge(model, *sources)


@rule
def marts_or_intermediate_dependent_on_source(project: Project) -> Iterator[str]:
    """A model that is not of staging reads a source."""
    for model in project.models:
        if not is_a(model, "staging"):
            for parent in project.parents(model):
                if is_a(parent, "source"):
                    yield edge(model, parent)


@rule
def duplicate_sources(project: Project) -> Iterator[str]:
    """One table is two sources."""
    places: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for source in project.sources:
        place = tuple(str(source[part]) for part in ("database", "schema", "identifier"))
        places[place].append(name(source))
    for names in places.values():
        if len(names) > 1:
            yield ", ".join(sorted(names))


@rule
def hard_coded_references(project: Project) -> Iterator[str]:
    """A model names a table itself instead of by `ref` or `source`."""
    for model in project.models:
        code = model["raw_code"]
        if _NAMED_TABLE.search(_TEMPLATED.sub("", code)) or _TEMPLATED_TABLE.search(code):
            yield name(model)


@rule
def model_fanout(project: Project) -> Iterator[str]:
    """A model has many children that nothing reads: one mart, cut in pieces?"""
    for model in project.models:
        leaves = [
            child
            for child in project.children[model["unique_id"]]
            if is_a(child, "model") and not project.children[child["unique_id"]]
        ]
        if len(leaves) >= FANOUT:
            yield name(model)


@rule
def multiple_sources_joined(project: Project) -> Iterator[str]:
    """A model reads more than one source table."""
    for model in project.models:
        sources = [each for each in project.parents(model) if is_a(each, "source")]
        if len(sources) > 1:
            yield edge(model, *sources)


@rule
def rejoining_of_upstream_concepts(project: Project) -> Iterator[str]:
    """A model reads its parent, and beside it a model of which the parent's only child it is."""
    for model in project.models:
        parents = project.parents(model)
        for between in parents:
            if not is_a(between, "model") or len(project.children[between["unique_id"]]) > 1:
                continue
            for parent in project.parents(between):
                if parent in parents:
                    yield edge(model, between, parent)


@rule
def root_models(project: Project) -> Iterator[str]:
    """A model reads nothing."""
    for model in project.models:
        if not project.parents(model):
            yield name(model)


@rule
def source_fanout(project: Project) -> Iterator[str]:
    """Several models read one source table."""
    for source in project.sources:
        if sum(is_a(child, "model") for child in project.children[source["unique_id"]]) > 1:
            yield name(source)


@rule
def staging_dependent_on_marts_or_intermediate(project: Project) -> Iterator[str]:
    """A model of staging reads what comes after it."""
    yield from _staging_on(project, "intermediate", "marts", "restricted", "metrics")


@rule
def staging_dependent_on_staging(project: Project) -> Iterator[str]:
    """A model of staging reads another."""
    yield from _staging_on(project, "staging")


@rule
def too_many_joins(project: Project) -> Iterator[str]:
    """A model has many parents."""
    for model in project.models:
        if len(project.parents(model)) >= JOINS:
            yield name(model)


@rule
def unused_sources(project: Project) -> Iterator[str]:
    """Nothing reads a source table."""
    for source in project.sources:
        if not project.children[source["unique_id"]]:
            yield name(source)


def _staging_on(project: Project, *rooms: str) -> Iterator[str]:
    for model in project.models:
        if is_a(model, "staging"):
            for parent in _of(project.parents(model), rooms):
                yield edge(model, parent)


def _of(nodes: list[Node], rooms: tuple[str, ...]) -> list[Node]:
    return [node for node in nodes if is_a(node, *rooms)]
