"""YAML that remembers where each key stands, for errors with file and line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from mixtape.render.errors import RenderError

if TYPE_CHECKING:
    from pathlib import Path

    from mixtape.render.errors import Faults

Model = TypeVar("Model", bound="Checked")


@dataclass(frozen=True)
class Place:
    """A line of a file of the project."""

    file: str
    line: int

    def __str__(self) -> str:
        """Return `file:line`, which editors and terminals make clickable."""
        return f"{self.file}:{self.line}"


class Marked(dict[str, Any]):
    """A YAML mapping with the line of each of its keys."""

    place: Place
    lines: dict[str, int]

    def at(self, key: str | None = None) -> Place:
        """Return the place of a key, or of the mapping when it has no such key."""
        return Place(self.place.file, self.lines.get(key or "", self.place.line))


class Checked(BaseModel):
    """What a person writes: a key that is not known is a mistake, not an addition."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read(root: Path, path: Path) -> Marked:
    """Read a YAML file whose top is a mapping; an empty file is an empty one.

    Raises:
        RenderError: it is no YAML, or no mapping.
    """
    name = path.relative_to(root).as_posix()
    with path.open(encoding="utf-8") as file:
        loader = type("_NamedLoader", (_Loader,), {"file": name})(file)
        try:
            found = loader.get_single_data()
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise RenderError([f"{name}:{line}: not YAML: {error.problem}"]) from error
        finally:
            loader.dispose()
    if found is None:
        found = Marked()
        found.place, found.lines = Place(name, 1), {}
    if not isinstance(found, Marked):
        raise RenderError([f"{name}:1: must be a mapping of keys to values"])
    return found


def checked(model: type[Model], written: Marked, faults: Faults, what: str) -> Model | None:
    """Return a mapping as its model, or None with its faults noted line by line."""
    try:
        return model.model_validate(written)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_context=False, include_input=False):
            key = str(fault["loc"][0]) if fault["loc"] else None
            field = ".".join(map(str, fault["loc"]))
            known = ", ".join(sorted(model.model_fields))
            message = fault["msg"].removeprefix("Value error, ")
            if fault["type"] == "extra_forbidden":
                message = f"not known here; there are: {known}"
            faults.add(written.at(key), f"{what}, {field}: {message}")
        return None


class _Loader(yaml.CSafeLoader):
    """The safe loader, with mappings that know their lines."""

    file: str


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Marked:
    loader.flatten_mapping(node)
    marked = Marked(loader.construct_pairs(node, deep=True))
    marked.place = Place(loader.file, node.start_mark.line + 1)
    marked.lines = {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
    return marked


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
