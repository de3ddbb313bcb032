"""YAML, one or more documents in a file: YAML 1.2's core schema on libyaml's parser.

libyaml and PyYAML speak YAML 1.1, where `NO` is false, `1:30` is a number and U+2028 ends a line.
So plain scalars are resolved here, and text is kept byte for byte. Measured on a rap of 2 KB, one
document takes 90 µs, PyYAML's own safe loader 160 µs, rapidyaml with its tree walked in Python
160 µs; Rust bindings (20 to 30 µs) are young, lose digits of numbers and say no lines.

What a file can do is bounded: its size and the number of its nodes (they are all in memory before
the first is trusted), nesting by a depth (libyaml's composer recurses in C), aliases by how much
text they stand for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from tap_files.formats.document import (
    MAX_DEPTH,
    PLAIN,
    BadFileError,
    Document,
    Unreadable,
    number,
)
from tap_files.formats.encoding import no_text, utf8
from tap_files.formats.lines import bad_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tap_files.formats.document import Dialect

MAX_BYTES, MAX_NODES = 8 * 1024 * 1024, 250_000
"""8 MiB of raps are 220,000 nodes and 100 MB in memory."""
_FEW_BYTES = 1024 * 1024
"""So little text has not too many nodes."""
ALIAS_FACTOR, ALIAS_ALLOWANCE = 10, 64 * 1024
"""With its aliases written out a document is at most ten times the file's length, plus 64 KiB."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_MAX_DIGITS = 4_000  # Python reads no longer integers, and no target stores them

_PLAIN = "plain"  # what resolve() below says of a scalar without quotes or tag
_TAG = "tag:yaml.org,2002:"
_COLLECTIONS = frozenset({_TAG + "seq", _TAG + "map"})

# Ends of lines for YAML 1.1, ordinary text for 1.2: NEL, line separator, paragraph separator.
_BREAKS = ("\x85", "\u2028", "\u2029")
_BREAK_BYTES = tuple(character.encode() for character in _BREAKS)

# Nesting below this shows nowhere: each level costs a bracket or a column at a line's start.
_INDENTED = re.compile(rb"^[ \t?:-]{%d}" % MAX_DEPTH, re.MULTILINE)


class _Parser(yaml.CSafeLoader):
    """libyaml's parser and composer, telling plain scalars from others and nothing more."""

    def resolve(self, kind: type[yaml.Node], _value: str | None, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else _TAG + "str"
        return _TAG + ("map" if kind is yaml.MappingNode else "seq")

    def descend_resolver(self, _parent: Any, _index: Any) -> None:
        """There are no resolvers by path."""

    def ascend_resolver(self) -> None:
        """There are no resolvers by path."""


class _DocumentError(Exception):
    """One document has a fault; ``mark`` is where."""

    def __init__(self, node: yaml.Node, code: str, message: str) -> None:
        super().__init__(message)
        self.mark: Any = node.start_mark
        self.code = code


def read_yaml(chunks: Iterable[bytes], dialect: Dialect = PLAIN) -> Iterator[Document | Unreadable]:
    """Read every document of a file; empty ones say nothing.

    A fault of syntax refuses the file, because what follows it cannot be trusted; a fault in
    a document (a key given twice, an alias bomb) refuses that document.

    Raises:
        BadFileError: the file is no YAML, or too large to be read whole.
    """
    data = b""
    for chunk in utf8(chunks, dialect.encoding):
        data += chunk
        if len(data) > MAX_BYTES:
            raise _too_large(1, f"longer than {MAX_BYTES} bytes")
    text, restore = _protect_breaks(data)
    parser = None
    try:
        _check_size(text)
        parser = _Parser(text)
        nodes: list[Any] = []  # the stubs take a node and its marks for optional
        while parser.check_node():
            nodes.append(parser.get_node())
    except yaml.YAMLError as error:
        raise _bad(data, error) from None
    finally:
        if parser is not None:
            parser.dispose()
    limit = ALIAS_FACTOR * len(data) + ALIAS_ALLOWANCE
    for node in nodes:
        if isinstance(node, yaml.ScalarNode) and node.value == "" and node.tag == _PLAIN:
            continue
        lineno = node.start_mark.line + 1
        try:
            value = _Builder(limit, restore).build(node)
        except _DocumentError as error:
            at = error.mark
            yield Unreadable(
                lineno,
                error.code,
                f"line {at.line + 1}, column {at.column + 1}: {error}",
                _lines_of(data, node),
            )
        else:
            yield Document(lineno, value)


class _Builder:
    """Makes JSON values of one document's nodes."""

    def __init__(self, limit: int, restore: Callable[[str], str] | None) -> None:
        self._left = limit
        self._restore = restore
        self._open: set[int] = set()

    def build(self, node: yaml.Node) -> Any:
        """Return the node's value; an alias is its anchor's value again, and paid for again."""
        if isinstance(node, yaml.ScalarNode):
            self._left -= len(node.value) + 1
            if self._left < 0:
                raise self._too_large(node)
            return self._scalar(node)
        identity = id(node)
        if identity in self._open:
            raise _DocumentError(node, "yaml_recursive", "holds itself through an alias")
        self._left -= 1
        if self._left < 0:
            raise self._too_large(node)
        self._open.add(identity)
        if node.tag not in _COLLECTIONS:
            raise self._tagged(node)
        value = (
            self._mapping(node)
            if isinstance(node, yaml.MappingNode)
            else [self.build(element) for element in node.value]
        )
        self._open.remove(identity)
        return value

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _DocumentError(key_node, "yaml_key", "a key must be text; this one is none")
            key = key_node.value if self._restore is None else self._restore(key_node.value)
            if key in value:
                raise _DocumentError(
                    key_node, "yaml_duplicate_key", f"key {key!r} is given twice; remove one"
                )
            value[key] = self.build(value_node)
        return value

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text: str = node.value
        if node.tag == _PLAIN:
            if text in _NULL:
                return None
            if text in _TRUE or text in _FALSE:
                return text in _TRUE
            if text[0] in "+-.0123456789" and (found := _number(text)) is not None:
                return found
        elif node.tag != _TAG + "str":
            raise self._tagged(node)
        return text if self._restore is None else self._restore(text)

    def _tagged(self, node: yaml.Node) -> _DocumentError:
        tag = node.tag.replace(_TAG, "!!")
        return _DocumentError(node, "yaml_tag", f"tag {tag} is not understood; remove it")

    def _too_large(self, node: yaml.Node) -> _DocumentError:
        return _DocumentError(
            node, "yaml_alias_bomb", "aliases make the document far larger than its text"
        )


def _number(text: str) -> Any:
    """Return the number that a plain scalar is, or None; infinities and NaN stay text."""
    if len(text) > _MAX_DIGITS:
        return None
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        return number(text)
    return None


def _check_size(text: bytes) -> None:
    """Refuse what would overflow the composer's stack or the memory; events need neither.

    Most files show at a glance that they are neither deep nor full.

    Raises:
        BadFileError: too deep, or too many nodes.
    """
    brackets = text.count(b"[") + text.count(b"{")
    if len(text) <= _FEW_BYTES and brackets <= MAX_DEPTH and not _INDENTED.search(text):
        return
    parser = _Parser(text)
    depth = nodes = 0
    try:
        while (event := parser.get_event()) is not None:
            if isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            elif isinstance(event, yaml.NodeEvent):
                nodes += 1
                depth += isinstance(event, yaml.CollectionStartEvent)
            mark: Any = event.start_mark
            if depth > MAX_DEPTH:
                lineno = mark.line + 1
                raise BadFileError(
                    lineno, "too_deep", f"line {lineno}: nested deeper than {MAX_DEPTH} levels"
                )
            if nodes > MAX_NODES:
                raise _too_large(mark.line + 1, f"more than {MAX_NODES} values and keys")
    finally:
        parser.dispose()


def _too_large(lineno: int, what: str) -> BadFileError:
    return BadFileError(
        lineno,
        "too_large",
        f"line {lineno}: {what}, and YAML is read whole; split the file, or write JSON lines",
    )


def _protect_breaks(data: bytes) -> tuple[bytes, Callable[[str], str] | None]:
    """Return the text with 1.2's ordinary characters out of libyaml's sight, and the way back."""
    if not any(character in data for character in _BREAK_BYTES):
        return data, None
    unused = (chr(code) for code in range(0xE000, 0xF8FF) if chr(code).encode() not in data)
    stand_ins = dict(zip(_BREAKS, unused, strict=False))
    for character, stand_in in stand_ins.items():
        data = data.replace(character.encode(), stand_in.encode())
    table = str.maketrans({stand_in: character for character, stand_in in stand_ins.items()})
    return data, lambda text: text.translate(table)


def _bad(data: bytes, error: yaml.YAMLError) -> BadFileError:
    """Return libyaml's complaint in one line."""
    if fault := no_text(data):
        return bad_file(data, fault.code, fault.offset, fault.message)
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        lines = data.splitlines()
        # What ends too early is found missing behind the last line.
        lineno = min(mark.line + 1, max(len(lines), 1)) if mark else 1
        said = ", ".join(part for part in (error.context, error.problem) if part)
        if lines and b"\t" in lines[lineno - 1]:
            said += "; YAML is indented by spaces, this line has a tab"
        return BadFileError(lineno, "yaml_invalid", f"line {lineno}: {said}")
    position = getattr(error, "position", 0)
    lineno = data.count(b"\n", 0, position) + 1
    said = getattr(error, "reason", str(error))
    return BadFileError(lineno, "yaml_invalid", f"line {lineno}: {said}")


def _lines_of(data: bytes, node: Any) -> str:
    lines = data.split(b"\n")[node.start_mark.line : node.end_mark.line + 1]
    return b"\n".join(lines).decode(errors="replace")
