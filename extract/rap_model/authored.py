"""Reader of authored files that knows the line of every document and field, for the check in CI.

The tap has a reader of its own, made for speed; this one is made for saying where a fault is.
"""

import json
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

SUFFIXES = (".yaml", ".yml", ".json", ".jsonl")

FieldPath = tuple[str | int, ...]
"""Where a field is in its document: `("credits", 0, "role")`."""


@dataclass(frozen=True, slots=True)
class Authored:
    """One document, the line it begins on, and the lines of its fields as far as known."""

    line: int
    content: Any
    lines: dict[FieldPath, int] = field(default_factory=dict)

    def line_of(self, path: FieldPath) -> int:
        """Return the line of a field, or of the innermost thing around it that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, self.line)


class UnreadableError(Exception):
    """A file, from some line on, is not what its name says."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def read(path: Path) -> Iterator[Authored]:
    """Yield the documents of a file.

    Raises:
        UnreadableError: the rest of the file cannot be read.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableError(line, "must be text in UTF-8") from None
    if path.suffix == ".json":
        yield from _read_json(text)
    elif path.suffix == ".jsonl":
        yield from _read_jsonl(text)
    else:
        yield from _read_yaml(text)


def _read_json(text: str) -> Iterator[Authored]:
    content = _decode(text, 1)
    if not isinstance(content, list):
        yield Authored(1, content)
        return
    decoder = json.JSONDecoder()
    end = text.index("[") + 1
    for element in content:
        start = end + len(text[end:]) - len(text[end:].lstrip(" \t\r\n,"))
        _, end = decoder.raw_decode(text, start)
        yield Authored(text.count("\n", 0, start) + 1, element)


def _read_jsonl(text: str) -> Iterator[Authored]:
    # Not splitlines: it also cuts at U+2028, which JSON allows inside a string.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield Authored(number, _decode(line, number))


def _decode(text: str, line: int) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unrepeated)
    except json.JSONDecodeError as error:
        raise UnreadableError(line + error.lineno - 1, f"must be JSON: {error.msg}") from None
    except _RepeatedError as error:
        raise UnreadableError(line, f"must have the key {error.args[0]} only once") from None


class _RepeatedError(Exception):
    """An object has a key twice."""


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedError(next(name for name in names if names.count(name) > 1))
    return content


class _Loader(yaml.CSafeLoader):
    """Reads plain words as YAML 1.2 does: `NO` is text, and so are dates and 12:30."""


_Loader.yaml_implicit_resolvers = {}  # those of the base class are YAML 1.1's
for _tag, _shape, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_shape})$"), _first
    )


def _construct_int(_: _Loader, node: yaml.ScalarNode) -> int:
    text: str = node.value
    return int(text, 0 if text[:2] in {"0o", "0x"} else 10)  # 012 is twelve in YAML 1.2


_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)


def _read_yaml(text: str) -> Iterator[Authored]:
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                lines = dict(_lines(node, ()))
                line = node.start_mark.line + 1
                yield Authored(line, loader.construct_document(node), lines)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UnreadableError(line, f"must be YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        # A character that YAML does not allow, or a tag that its value belies (`!!int x`).
        first_line, _, _ = str(error).partition("\n")
        raise UnreadableError(1, f"must be YAML: {first_line}") from None
    finally:
        loader.dispose()


def _lines(node: yaml.Node, path: FieldPath) -> Iterator[tuple[FieldPath, int]]:
    """Yield the line of each field under a node.

    Raises:
        UnreadableError: a mapping has a key twice; YAML forbids it, the parser does not look.
    """
    if isinstance(node, yaml.MappingNode):
        seen: set[Hashable] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                raise UnreadableError(line, f"must have the key {key.value} only once")
            seen.add(key.value)
            yield (*path, key.value), line
            yield from _lines(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, element in enumerate(node.value):
            yield (*path, index), element.start_mark.line + 1
            yield from _lines(element, (*path, index))
