"""Testing: keys, freshness, and that nothing goes without a test."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from transform.evaluator.project import Node, Project, name, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNIQUE_TOGETHER = "unique_combination"
_NEVER_NULL = {"not_null", "primary_key"}


@rule
def missing_primary_key_tests(project: Project) -> Iterator[str]:
    """A model's key is not tested to be unique and there."""
    for model in project.models:
        tests: dict[str | None, set[str]] = defaultdict(set)
        for test in project.tests_of(model):
            tests[test["column_name"]].add(test["test_metadata"]["name"])
        together = any(_UNIQUE_TOGETHER in names for names in tests.values())
        alone = any(
            "unique" in names and ("not_null" in names or _constrained(model, column))
            for column, names in tests.items()
        )
        if not (together or alone):
            yield name(model)


@rule
def sources_without_freshness(project: Project) -> Iterator[str]:
    """A source table says not how old it may be."""
    for source in project.sources:
        freshness = source.get("freshness") or {}
        limits = [freshness.get(each) or {} for each in ("warn_after", "error_after")]
        if not any(limit.get("count") for limit in limits):
            yield name(source)


@rule
def test_coverage(project: Project) -> Iterator[str]:
    """A model has no test at all."""
    for model in project.models:
        if not project.tests_of(model):
            yield name(model)


def _constrained(model: Node, column: str | None) -> bool:
    known = model["columns"].get(column, {})
    return any(each["type"] in _NEVER_NULL for each in known.get("constraints", []))
