"""Canonical Extended JSON back to the BSON bytes it was written from.

The counterpart of :class:`tap_mongodb.extended_json.CanonicalWriter`, for positions that are kept
as text and for proof that nothing is lost. `bson.json_util` cannot stand in: it forgets symbols,
undefined, repeated names, and documents that look like a type's wrapper.
"""

from __future__ import annotations

import base64
import json
import re
from struct import pack
from typing import TYPE_CHECKING, Any

from bson.decimal128 import Decimal128

from tap_mongodb.extended_json import WRAPPERS

if TYPE_CHECKING:
    from collections.abc import Callable

    Element = tuple[int, bytes]
    """A value's BSON type and its bytes."""

_WRAPPERS = frozenset(name.decode() for name in WRAPPERS)
_ESCAPE = re.compile(r"\\(?:u0024|.)", re.DOTALL)
# BSON text is UTF-8, where a lone surrogate cannot be: it marks a dollar that was escaped.
_MARK = "\udc24"


class _Object(list[tuple[str, Any]]):
    """A JSON object as its members, repeated names and all."""


def read(text: str | bytes) -> bytes:
    """Return the BSON document that a canonical text was written from.

    Raises:
        ValueError: the text is not canonical Extended JSON.
    """
    kind, payload = _element(_parse(text))
    if kind != 0x03:  # noqa: PLR2004 - BSON's type byte of a document
        raise ValueError("is not the text of a document")
    return payload


def read_member(name: str, text: str | bytes) -> bytes:
    """Return a BSON document whose only field is ``name``, with the value that ``text`` says."""
    return _document(_Object([(name, _parse(text))]))


def _parse(text: str | bytes) -> Any:
    said = text if isinstance(text, str) else text.decode()
    if "\\u0024" in said:
        said = _ESCAPE.sub(lambda found: r"\udc24" if found[0] == r"\u0024" else found[0], said)
    return json.loads(said, object_pairs_hook=_Object)


def _element(value: Any) -> Element:
    match value:
        case str():
            return 0x02, _string(value)
        case _Object():
            return _object(value)
        case list():
            members = _Object((str(index), each) for index, each in enumerate(value))
            return 0x04, _document(members)
        case bool():
            return 0x08, b"\x01" if value else b"\x00"
        case None:
            return 0x0A, b""
    raise ValueError(f"found a bare {type(value).__name__}; canonical numbers are objects")


def _object(members: _Object) -> Element:
    names = tuple(name for name, _ in members)
    if names and names[0] in _WRAPPERS:
        try:
            return _READERS[names](*(value for _, value in members))
        except KeyError:
            raise ValueError(f"found an object of {', '.join(names)}; no such type") from None
    return 0x03, _document(members)


def _document(members: _Object) -> bytes:
    body = bytearray()
    for name, value in members:
        kind, payload = _element(value)
        body.append(kind)
        body += _cstring(name)
        body += payload
    return pack("<i", len(body) + 5) + body + b"\x00"


def _cstring(text: str) -> bytes:
    said = _utf8(text)
    if 0 in said:
        raise ValueError("a name or pattern cannot hold a NUL")
    return said + b"\x00"


def _string(text: str) -> bytes:
    said = _utf8(text)
    return pack("<i", len(said) + 1) + said + b"\x00"


def _utf8(text: str) -> bytes:
    return text.replace(_MARK, "$").encode()


def _binary(value: _Object) -> Element:
    members = dict(value)
    content, subtype = base64.b64decode(members["base64"]), int(members["subType"], 16)
    if subtype == 2:  # noqa: PLR2004 - the old binary says its length twice
        content = pack("<i", len(content)) + content
    return 0x05, pack("<iB", len(content), subtype) + content


def _date(value: _Object) -> Element:
    return 0x09, pack("<q", int(dict(value)["$numberLong"]))


def _regex(value: _Object) -> Element:
    members = dict(value)
    return 0x0B, _cstring(members["pattern"]) + _cstring(members["options"])


def _db_pointer(value: _Object) -> Element:
    members = dict(value)
    return 0x0C, _string(members["$ref"]) + bytes.fromhex(dict(members["$id"])["$oid"])


def _code_with_scope(code: str, scope: _Object) -> Element:
    body = _string(code) + _document(scope)
    return 0x0F, pack("<i", len(body) + 4) + body


def _timestamp(value: _Object) -> Element:
    members = dict(value)
    return 0x11, pack("<II", members["i"], members["t"])


_READERS: dict[tuple[str, ...], Callable[..., Element]] = {
    ("$binary",): _binary,
    ("$code",): lambda code: (0x0D, _string(code)),
    ("$code", "$scope"): _code_with_scope,
    ("$date",): _date,
    ("$dbPointer",): _db_pointer,
    ("$maxKey",): lambda _: (0x7F, b""),
    ("$minKey",): lambda _: (0xFF, b""),
    ("$numberDecimal",): lambda text: (0x13, Decimal128(text).bid),
    ("$numberDouble",): lambda text: (0x01, pack("<d", float(text))),
    ("$numberInt",): lambda text: (0x10, pack("<i", int(text))),
    ("$numberLong",): lambda text: (0x12, pack("<q", int(text))),
    ("$oid",): lambda text: (0x07, bytes.fromhex(text)),
    ("$regularExpression",): _regex,
    ("$symbol",): lambda text: (0x0E, _string(text)),
    ("$timestamp",): _timestamp,
    ("$undefined",): lambda _: (0x06, b""),
}
