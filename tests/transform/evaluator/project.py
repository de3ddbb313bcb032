"""A dbt project as its manifest tells of it, and the register of rules over it."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Node = dict[str, Any]

PREFIXES = {
    "staging": ("stg_",),
    "intermediate": ("int_",),
    "marts": ("dim_", "fct_"),
    "restricted": ("dim_", "fct_"),
    "metrics": ("metric_",),
}
"""The rooms of a project by the folder below `models/`, and how their models' names begin."""
PHYSICAL = ("table", "incremental")


class Project:
    """Models, sources, exposures and tests, and who depends on whom."""

    def __init__(self, manifest: Node) -> None:
        """Read ``manifest``, which is not changed."""
        self.manifest = manifest

    @cached_property
    def models(self) -> list[Node]:
        """The project's models."""
        return [each for each in self._nodes() if each["resource_type"] == "model"]

    @cached_property
    def sources(self) -> list[Node]:
        """The tables of all sources."""
        return list(self.manifest["sources"].values())

    @cached_property
    def exposures(self) -> list[Node]:
        """Who reads the warehouse outside it."""
        return list(self.manifest["exposures"].values())

    @cached_property
    def tests(self) -> list[Node]:
        """The generic tests, each attached to something."""
        return [
            each
            for each in self._nodes()
            if each["resource_type"] == "test" and each.get("attached_node")
        ]

    @cached_property
    def resources(self) -> dict[str, Node]:
        """Everything that can depend on something or be depended on, by its unique id."""
        kinds = ("model", "snapshot", "seed")
        every = [each for each in self._nodes() if each["resource_type"] in kinds]
        return {each["unique_id"]: each for each in (*every, *self.sources, *self.exposures)}

    @cached_property
    def children(self) -> dict[str, list[Node]]:
        """Who depends on each resource directly, by its unique id."""
        found: dict[str, list[Node]] = defaultdict(list)
        for node in self.resources.values():
            for parent in self.parents(node):
                found[parent["unique_id"]].append(node)
        return found

    def parents(self, node: Node) -> list[Node]:
        """Return what a resource depends on directly, each once."""
        wanted = dict.fromkeys(node.get("depends_on", {}).get("nodes", []))
        return [self.resources[name] for name in wanted if name in self.resources]

    def tests_of(self, node: Node) -> list[Node]:
        """Return the generic tests of a model."""
        return [each for each in self.tests if each["attached_node"] == node["unique_id"]]

    def _nodes(self) -> Iterator[Node]:
        package = self.manifest["metadata"]["project_name"]
        for node in self.manifest["nodes"].values():
            if node["package_name"] == package:
                yield node


RULES: dict[str, Callable[[Project], Iterator[str]]] = {}
"""Every rule by its name."""


def rule(function: Callable[[Project], Iterator[str]]) -> Callable[[Project], Iterator[str]]:
    """Register a rule: a function that yields who breaks it, `child <- parent` for an edge."""
    RULES[function.__name__] = function
    return function


def edge(child: Node, *parents: Node) -> str:
    """Return how a breach by a dependency is called."""
    return f"{name(child)} <- {', '.join(sorted(map(name, parents)))}"


def name(node: Node) -> str:
    """Return a resource's name, a source's with its table."""
    if node["resource_type"] == "source":
        return f"{node['source_name']}.{node['name']}"
    return str(node["name"])


def room(node: Node) -> str:
    """Return the folder of a resource that says its kind: the nearest that is a room's."""
    if node["resource_type"] != "model":
        return str(node["resource_type"])
    folders = PurePosixPath(node["original_file_path"]).parts[1:-1]
    return next((folder for folder in reversed(folders) if folder in PREFIXES), "")


def is_a(node: Node, *rooms: str) -> bool:
    """Tell whether a resource is of one of ``rooms``, or `model`, `source`, `exposure`."""
    return node["resource_type"] in rooms or room(node) in rooms
