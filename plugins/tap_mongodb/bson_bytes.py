"""Where things are in BSON bytes: documents, names, strings and binaries, each checked.

Positions are bytes from the beginning. What is not BSON raises :class:`BadValueError`, a value
that the bytes end in raises ``struct.error`` or ``IndexError``; :func:`guarded` makes one of it.
"""

from __future__ import annotations

from struct import Struct
from struct import error as StructError  # noqa: N812 - it is an exception, called like a function
from typing import TYPE_CHECKING, TypeVar

from bson.decimal128 import Decimal128

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

_INT32, _INT64 = Struct("<i").unpack_from, Struct("<q").unpack_from
_UINT32_PAIR, _DOUBLE = Struct("<II").unpack_from, Struct("<d").unpack_from
_DOCUMENT_MINIMUM = 5
_OLD_BINARY, _OLD_BINARY_HEAD = 2, 4


class BadValueError(ValueError):
    """A value that cannot be written, and where it is."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path: list[str | int] = []
        """From the value outwards: what encloses it adds its name at the end."""


def malformed(message: str) -> BadValueError:
    """Return the error for bytes that are no BSON."""
    return BadValueError("bson_malformed", f"{message}; the bytes are no BSON")


def guarded(read: Callable[[bytes, int], T], raw: bytes, at: int = 0) -> T:
    """Call ``read``; what it raises for bytes that are no BSON is a BadValueError."""
    try:
        return read(raw, at)
    except (StructError, IndexError):
        raise malformed("ends in the middle of a value") from None
    except RecursionError:
        raise BadValueError("too_deep", "is nested too deeply to be read") from None


def int32(raw: bytes, at: int) -> int:
    """Return the signed number in the 4 bytes at byte ``at``."""
    number: int = _INT32(raw, at)[0]
    return number


def int64(raw: bytes, at: int) -> int:
    """Return the signed number in the 8 bytes at byte ``at``."""
    number: int = _INT64(raw, at)[0]
    return number


def double(raw: bytes, at: int) -> float:
    """Return the double in the 8 bytes at byte ``at``."""
    number: float = _DOUBLE(raw, at)[0]
    return number


def timestamp(raw: bytes, at: int) -> tuple[int, int]:
    """Return the seconds and the increment of the timestamp at byte ``at``."""
    increment, seconds = _UINT32_PAIR(raw, at)
    return seconds, increment


def document_end(raw: bytes, at: int) -> int:
    """Return where the document that begins at byte ``at`` ends, its last NUL included."""
    size = int32(raw, at)
    end = at + size
    if size < _DOCUMENT_MINIMUM or end > len(raw) or raw[end - 1]:
        raise malformed("has a document of another length than it says")
    return end


def name_end(raw: bytes, at: int) -> int:
    """Return where the NUL is that ends the name or pattern at byte ``at``."""
    end = raw.find(0, at)
    if end < 0:
        raise malformed("has a name that does not end")
    return end


def string_content(raw: bytes, at: int) -> tuple[bytes, int]:
    """Return the bytes of the string at byte ``at`` and where the next value begins."""
    size = int32(raw, at)
    end = at + 4 + size
    if size < 1 or end > len(raw) or raw[end - 1]:
        raise malformed("has a string of another length than it says")
    return raw[at + 4 : end - 1], end


def binary_content(raw: bytes, at: int) -> tuple[bytes, int, int]:
    """Return the bytes and subtype of the binary at byte ``at``, and where it ends."""
    size = int32(raw, at)
    subtype = raw[at + 4]
    end = at + 5 + size
    if size < 0 or end > len(raw):
        raise malformed("has binary data of another length than it says")
    at += 5
    if subtype == _OLD_BINARY:
        if size < _OLD_BINARY_HEAD or int32(raw, at) != size - _OLD_BINARY_HEAD:
            raise malformed("has old binary data of another length than it says")
        at += _OLD_BINARY_HEAD
    return raw[at:end], subtype, end


def object_id_hex(raw: bytes, at: int) -> bytes:
    """Return the ObjectId at byte ``at`` as 24 hexadecimal digits."""
    if at + 12 > len(raw):
        raise malformed("ends in the middle of a value")
    return raw[at : at + 12].hex().encode()


def decimal_text(raw: bytes, at: int) -> bytes:
    """Return the Decimal128 at byte ``at`` as text."""
    if at + 16 > len(raw):
        raise malformed("ends in the middle of a value")
    return str(Decimal128.from_bid(raw[at : at + 16])).encode()


def utf8(raw: bytes) -> str:
    """Return the text of UTF-8 bytes.

    Raises:
        BadValueError: they are none.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise BadValueError("utf8_invalid", "found text that is not UTF-8") from None


def elements(raw: bytes, at: int = 0) -> Iterator[tuple[int, bytes, int, int]]:
    """Yield the fields of the document that begins at byte ``at``, without reading their values.

    Each is its type, its name, and where its value begins and ends.
    """
    end = document_end(raw, at)
    at += 4
    while at < end - 1:
        kind, name = raw[at], at + 1
        start = name_end(raw, name) + 1
        at = start + _size(raw, kind, start)
        yield kind, raw[name : start - 1], start, at


_FIXED_SIZES = {
    0x01: 8,
    0x06: 0,
    0x07: 12,
    0x08: 1,
    0x09: 8,
    0x0A: 0,
    0x10: 4,
    0x11: 8,
    0x12: 8,
    0x13: 16,
    0x7F: 0,
    0xFF: 0,
}
# What a value's own length leaves out of its size.
_LENGTH_EXCLUDES = {0x02: 4, 0x03: 0, 0x04: 0, 0x05: 5, 0x0C: 16, 0x0D: 4, 0x0E: 4, 0x0F: 0}
_REGEX = 0x0B


def _size(raw: bytes, kind: int, start: int) -> int:
    """Return how many bytes a value takes."""
    if kind in _FIXED_SIZES:
        size = _FIXED_SIZES[kind]
    elif kind == _REGEX:
        size = name_end(raw, name_end(raw, start) + 1) + 1 - start
    elif kind in _LENGTH_EXCLUDES:
        size = int32(raw, start) + _LENGTH_EXCLUDES[kind]
    else:
        raise malformed(f"has a value of the unknown type {kind:#04x}")
    if size < 0 or start + size >= len(raw):
        raise malformed("a value reaches beyond its document")
    return size
