"""Objects as YAML text, event by event: thousands of them in a second or two.

PyYAML's dumpers make a node of each value and ask for each node's tag twice. Manifests say the
same words again and again, so here each word has one event, whatever the number of its places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Scalar: TypeAlias = "str | int | bool | None"
Plain: TypeAlias = "dict[str, Any] | list[Any] | tuple[Any, ...] | Scalar"
"""What manifests are made of; a number with a fraction is a text in them (`"0.5"`, `500m`)."""

_WIDTH = 100
_ONE_LETTER_BOOLS = frozenset("yYnN")
"""Booleans of YAML 1.1 to those who read manifests, no more than texts to PyYAML."""


def dump_all(documents: Iterable[Plain]) -> str:
    """Return documents in block style, keys in their order, a text of several lines as `|`.

    Raises:
        TypeError: a value that is none of `Plain`.
    """
    text: str = yaml.emit(
        _stream(documents), Dumper=yaml.CSafeDumper, width=_WIDTH, allow_unicode=True
    )
    return text


def _stream(documents: Iterable[Plain]) -> Iterator[yaml.Event]:
    words = _Words()
    yield yaml.StreamStartEvent()
    for document in documents:
        events: list[yaml.Event] = [yaml.DocumentStartEvent(explicit=True)]
        _add(document, events, words)
        yield from events
        yield yaml.DocumentEndEvent()
    yield yaml.StreamEndEvent()


def _add(value: Plain, events: list[yaml.Event], words: _Words) -> None:
    if isinstance(value, dict):
        events.append(_MAPPING)
        for key, each in value.items():
            events.append(words[str, key])
            _add(each, events, words)
        events.append(_MAPPING_END)
    elif isinstance(value, list | tuple):
        events.append(_SEQUENCE)
        for each in value:
            _add(each, events, words)
        events.append(_SEQUENCE_END)
    else:
        events.append(words[type(value), value])


class _Words(dict[tuple[type, Scalar], yaml.ScalarEvent]):
    """The events of scalars by type, for `True == 1`, and value; made when first asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._resolver = yaml.resolver.Resolver()

    def __missing__(self, key: tuple[type, Scalar]) -> yaml.ScalarEvent:
        kind, value = key
        if isinstance(value, str):
            event = self._text(value)
        elif value is None:
            event = _plain("null")
        elif kind is bool:
            event = _plain("true" if value else "false")
        elif kind is int:
            event = _plain(str(value))
        else:
            raise TypeError(f"{kind.__name__} is nothing that a manifest has: {value!r}")
        self[key] = event
        return event

    def _text(self, value: str) -> yaml.ScalarEvent:
        read_as = self._resolver.resolve(  # type: ignore[no-untyped-call]
            yaml.ScalarNode, value, (True, False)
        )
        style = "|" if "\n" in value else "'" if value in _ONE_LETTER_BOOLS else None
        return yaml.ScalarEvent(None, None, (read_as == _TEXT, True), value, style=style)


def _plain(value: str) -> yaml.ScalarEvent:
    return yaml.ScalarEvent(None, None, (True, False), value)


_TEXT = yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG
_MAPPING = yaml.MappingStartEvent(None, None, implicit=True, flow_style=False)
_MAPPING_END = yaml.MappingEndEvent()
_SEQUENCE = yaml.SequenceStartEvent(None, None, implicit=True, flow_style=False)
_SEQUENCE_END = yaml.SequenceEndEvent()
