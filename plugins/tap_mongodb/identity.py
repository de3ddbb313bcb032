"""The text that a document's ``_id`` becomes: another text for every other id, of any type.

The rule: an ObjectId is its 24 hexadecimal digits. A string is itself, unless it could be taken
for something else or cannot be a key everywhere: it has 24 hexadecimal digits, begins with ``{``,
``[`` or ``"``, is ``null``, ``true`` or ``false``, or holds a NUL. Those strings and every other
type are canonical Extended JSON, which is another text for every other value.
"""

from __future__ import annotations

import re

from tap_mongodb.bson_bytes import (
    BadValueError,
    elements,
    guarded,
    string_content,
    utf8,
)
from tap_mongodb.extended_json import CanonicalWriter
from tap_mongodb.extended_json_reader import read_member

_STRING, _OBJECT_ID = 0x02, 0x07
# How nearly every document begins, behind its size.
_OBJECT_ID_FIRST = b"\x07_id\x00"
_FIRST = slice(4, 9)
_AMBIGUOUS = re.compile(r'[0-9A-Fa-f]{24}|[{\["].*|null|true|false|.*\x00.*', re.DOTALL)
_canonical = CanonicalWriter()


class MissingIdError(BadValueError):
    """A document has no ``_id``."""

    def __init__(self) -> None:
        super().__init__("id_missing", "found no _id; a projection or pipeline must keep it")


def key_text_of(raw: bytes) -> str:
    """Return the key text of a document's ``_id``.

    Raises:
        BadValueError: there is no ``_id``, it is text that is not UTF-8, or the bytes are no BSON.
    """
    if raw[_FIRST] == _OBJECT_ID_FIRST:
        return raw[9:21].hex()
    kind, start, _ = guarded(_find, raw)
    try:
        if kind == _OBJECT_ID:
            return raw[start : start + 12].hex()
        if kind == _STRING:
            text = utf8(string_content(raw, start)[0])
            if not _AMBIGUOUS.fullmatch(text):
                return text
        return _canonical.value(raw, kind, start).decode()
    except BadValueError as error:
        error.path.append("_id")
        raise


def id_of(raw: bytes) -> bytes:
    """Return the BSON document ``{_id: …}`` with a document's ``_id`` byte for byte.

    Raises:
        BadValueError: there is no ``_id``, or the bytes are no BSON.
    """
    _, start, end = guarded(_find, raw)
    element = raw[start - len(_OBJECT_ID_FIRST) : end]
    return (len(element) + 5).to_bytes(4, "little") + element + b"\x00"


def id_to_json(raw: bytes) -> str:
    """Return a document's ``_id`` as canonical Extended JSON; raises as :func:`id_of` does."""
    kind, start, _ = guarded(_find, raw)
    return _canonical.value(raw, kind, start).decode()


def id_from_json(text: str) -> bytes:
    """Return the BSON document ``{_id: …}`` whose ``_id`` :func:`id_to_json` wrote.

    Raises:
        ValueError: the text is not canonical Extended JSON.
    """
    return read_member("_id", text)


def _find(raw: bytes, at: int) -> tuple[int, int, int]:
    """Return the type of a document's ``_id``, and where its value begins and ends."""
    for kind, name, start, end in elements(raw, at):
        if name == b"_id":
            return kind, start, end
    raise MissingIdError
