"""One JSON value: read by msgspec, and refused where that would lose something in silence."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec

from tap_files.formats.document import MAX_DEPTH, number
from tap_files.formats.encoding import no_text

if TYPE_CHECKING:
    from collections.abc import Callable

decode: Callable[[bytes | bytearray], Any] = msgspec.json.Decoder(float_hook=number).decode
_skip = msgspec.json.Decoder(msgspec.Raw).decode

_SPACE = b" \t\r\n"
_is_spaced = re.compile(rb'"[ \t\r\n]+:').search
_POSITION = re.compile(r" \(byte ([0-9]+)\)$")


class JsonError(Exception):
    """A text is no JSON value, or none that can be handed on whole."""

    def __init__(self, code: str, offset: int | None, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.offset = offset
        """Byte of the text where it shows, if that is known."""

    @property
    def is_syntax(self) -> bool:
        """Return whether it is unsure where the value ends."""
        return self.code == "json_invalid"


def read_value(text: bytes) -> Any:
    """Return a JSON text's value; numbers keep their digits.

    Raises:
        JsonError: it is no JSON, too deep, or has a key twice in one object.
    """
    try:
        value = decode(text)
        kind = type(value)
        if kind is dict or kind is list:
            keys = _count_keys(value, 1)
            # The decoder keeps the last of repeated keys in silence. A key has a quote and a colon
            # behind it: as long as there are no more of these than keys, none is repeated. Only a
            # text that has them in its strings too is read a second time.
            bare = text.translate(None, _SPACE) if _is_spaced(text) else text
            if bare.count(b'":') != keys:
                json.loads(text, object_pairs_hook=_unique, parse_int=str, parse_float=str)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _said(text, error) from None
    return value


def check_syntax(text: bytes) -> None:
    """Raise JsonError where a text is no JSON; what its strings hold is not looked at."""
    try:
        _skip(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _said(text, error) from None


def _count_keys(value: Any, depth: int) -> int:
    """Return how many keys all objects in a dictionary or list have; too deep is a fault."""
    if depth > MAX_DEPTH:
        raise RecursionError
    count = 0
    if type(value) is dict:
        count = len(value)
        value = value.values()
    for inner in value:
        kind = type(inner)
        if kind is dict or kind is list:
            count += _count_keys(inner, depth + 1)
    return count


def _unique(pairs: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for at, name in enumerate(names) if name in names[:at])
        raise JsonError(
            "json_duplicate_key", None, f"key {twice!r} is given twice in one object; remove one"
        )


def _said(text: bytes, error: Exception) -> JsonError:
    """Return the decoder's complaint with the byte where it shows."""
    if isinstance(error, RecursionError):
        return JsonError("too_deep", None, f"nested deeper than {MAX_DEPTH} levels")
    if fault := no_text(text):
        return JsonError(fault.code, fault.offset, fault.message)
    said = str(error)
    if isinstance(error, msgspec.ValidationError):
        return JsonError("json_value", None, said)
    if found := _POSITION.search(said):
        hint = "; are these JSON lines?" if "trailing characters" in said else ""
        return JsonError("json_invalid", int(found[1]), said[: found.start()] + hint)
    # What ends too early is found missing behind its last byte.
    return JsonError("json_invalid", len(text), said)
