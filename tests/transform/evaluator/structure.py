"""Structure: names and folders say what a thing is, and a model's tests stand beside it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from transform.evaluator.project import PREFIXES, Node, Project, is_a, name, room, rule

if TYPE_CHECKING:
    from collections.abc import Iterator


@rule
def model_naming_conventions(project: Project) -> Iterator[str]:
    """A model's name does not begin as its room's names do."""
    for model in project.models:
        if not model["name"].startswith(PREFIXES.get(room(model), ("no room",))):
            yield name(model)


@rule
def model_directories(project: Project) -> Iterator[str]:
    """A model's folder is not that of its kind, or of staging not that of its source."""
    for model in project.models:
        rooms = [kind for kind, begins in PREFIXES.items() if model["name"].startswith(begins)]
        wrong_room = bool(rooms) and room(model) not in rooms
        sources = {p["source_name"] for p in project.parents(model) if is_a(p, "source")}
        wrong_source = is_a(model, "staging") and bool(sources - {_folder(model).name})
        if wrong_room or wrong_source:
            yield name(model)


@rule
def source_directories(project: Project) -> Iterator[str]:
    """A source is declared elsewhere than in the folder of staging that is called like it."""
    for source in project.sources:
        if _folder(source).parts[-2:] != ("staging", source["source_name"]):
            yield name(source)


@rule
def test_directories(project: Project) -> Iterator[str]:
    """A model's tests are declared in another folder than its own."""
    for model in project.models:
        for test in project.tests_of(model):
            if _folder(test) != _folder(model):
                yield f"{name(test)} of {name(model)}"


def _folder(node: Node) -> PurePosixPath:
    return PurePosixPath(node["original_file_path"]).parent
