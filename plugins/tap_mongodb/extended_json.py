r"""BSON bytes as MongoDB Extended JSON v2, written without a Python object for each value.

Canonical text holds everything: :mod:`tap_mongodb.extended_json_reader` makes the same bytes of
it, for repeated and empty names, symbols and the deprecated types too. What BSON itself has
several spellings for comes back in the usual one: the payload of a NaN, the names of an array's
elements.

A document may have a field that is called like a type's wrapper (``{"$oid": …}`` as a document).
Such a name is written with an escaped dollar, ``"\u0024oid"``: the same name to every JSON
parser, and another text than the wrapper's.
"""

from __future__ import annotations

import base64
from collections import Counter
from datetime import datetime, timedelta
from functools import lru_cache
from math import isfinite, isnan
from typing import TYPE_CHECKING

import msgspec

from tap_mongodb.bson_bytes import (
    BadValueError,
    binary_content,
    decimal_text,
    document_end,
    double,
    guarded,
    int32,
    int64,
    malformed,
    name_end,
    object_id_hex,
    string_content,
    timestamp,
    utf8,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Writer = Callable[[bytes, int], tuple[bytes, int]]

encode_json = msgspec.json.Encoder().encode

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - BSON's dates are UTC; text gets its zone when written
DATE_MIN_MS, DATE_MAX_MS = -62_135_596_800_000, 253_402_300_799_999
"""Years 1 to 9999, in milliseconds since the epoch."""
_RELAXED_DATE_MIN_MS = 0

WRAPPERS = frozenset(
    {
        b"$binary",
        b"$code",
        b"$date",
        b"$dbPointer",
        b"$maxKey",
        b"$minKey",
        b"$numberDecimal",
        b"$numberDouble",
        b"$numberInt",
        b"$numberLong",
        b"$oid",
        b"$regularExpression",
        b"$scope",
        b"$symbol",
        b"$timestamp",
        b"$undefined",
    }
)
"""Field names by which a reader knows that an object stands for a value."""


class CanonicalWriter:
    """Writes canonical Extended JSON. One object serves any number of documents."""

    def __init__(self) -> None:
        # By BSON's type byte. Bound methods: a derived writer says only what differs.
        self.writers: dict[int, Writer] = {
            0x01: self.double,
            0x02: self.string,
            0x03: self.embedded,
            0x04: self.array,
            0x05: self.binary,
            0x06: self.undefined,
            0x07: self.object_id,
            0x08: self.boolean,
            0x09: self.date,
            0x0A: self.null,
            0x0B: self.regex,
            0x0C: self.db_pointer,
            0x0D: self.code,
            0x0E: self.symbol,
            0x0F: self.code_with_scope,
            0x10: self.int32,
            0x11: self.timestamp,
            0x12: self.int64,
            0x13: self.decimal128,
            0x7F: self.max_key,
            0xFF: self.min_key,
        }

    def write(self, raw: bytes) -> bytes:
        """Return the text of a whole document.

        Raises:
            BadValueError: the bytes are no BSON, or a value cannot be written.
        """
        text, end = guarded(self.document, raw)
        if end != len(raw):
            raise malformed(f"the document says {end} bytes and has {len(raw)}")
        return text

    def value(self, raw: bytes, kind: int, at: int) -> bytes:
        """Return the text of one value of type ``kind`` that begins at byte ``at``."""
        return guarded(self._writer(kind), raw, at)[0]

    def _writer(self, kind: int) -> Writer:
        try:
            return self.writers[kind]
        except KeyError:
            raise malformed(f"has a value of the unknown type {kind:#04x}") from None

    def document(self, raw: bytes, at: int) -> tuple[bytes, int]:
        """Write the document that begins at byte ``at``."""
        members: list[bytes] = []
        end = document_end(raw, at)
        at += 4
        while at < end - 1:
            start = at
            at = name_end(raw, start + 1) + 1
            name = raw[start + 1 : at - 1]
            try:
                text, at = self._writer(raw[start])(raw, at)
                members.append(self.name(name) + text)
            except BadValueError as error:
                error.path.append(name.decode(errors="replace"))
                raise
        if at != end - 1:
            raise malformed("a value reaches beyond its document")
        return b"{" + b",".join(members) + b"}", end

    def array(self, raw: bytes, at: int) -> tuple[bytes, int]:
        """Write an array; its elements' names mean nothing."""
        elements: list[bytes] = []
        end = document_end(raw, at)
        at += 4
        while at < end - 1:
            kind = raw[at]
            at = name_end(raw, at + 1) + 1
            try:
                text, at = self._writer(kind)(raw, at)
            except BadValueError as error:
                error.path.append(len(elements))
                raise
            elements.append(text)
        if at != end - 1:
            raise malformed("a value reaches beyond its array")
        return b"[" + b",".join(elements) + b"]", end

    def embedded(self, raw: bytes, at: int) -> tuple[bytes, int]:
        """Write a document that is a value."""
        return self.document(raw, at)

    def name(self, raw: bytes) -> bytes:
        """Write a field's name with its colon."""
        return _name(raw)

    def text(self, raw: bytes) -> bytes:
        """Write UTF-8 bytes as a JSON string."""
        return encode_json(utf8(raw))

    def double(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102 - by BSON's own names from here
        number = double(raw, at)
        return b'{"$numberDouble":"%b"}' % double_text(number), at + 8

    def string(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        content, end = string_content(raw, at)
        return self.text(content), end

    def binary(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        content, subtype, end = binary_content(raw, at)
        said = base64.b64encode(content)
        return b'{"$binary":{"base64":"%b","subType":"%02x"}}' % (said, subtype), end

    def undefined(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: ARG002, D102
        return b'{"$undefined":true}', at

    def object_id(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        return b'{"$oid":"%b"}' % object_id_hex(raw, at), at + 12

    def boolean(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        if raw[at] > 1:
            raise malformed(f"has {raw[at]} where true or false belongs")
        return (b"true" if raw[at] else b"false"), at + 1

    def date(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        return b'{"$date":{"$numberLong":"%d"}}' % int64(raw, at), at + 8

    def null(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: ARG002, D102
        return b"null", at

    def regex(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        middle = name_end(raw, at)
        end = name_end(raw, middle + 1)
        pattern, options = self.text(raw[at:middle]), self.text(raw[middle + 1 : end])
        said = b'{"$regularExpression":{"pattern":%b,"options":%b}}' % (pattern, options)
        return said, end + 1

    def db_pointer(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        content, at = string_content(raw, at)
        said = b'{"$dbPointer":{"$ref":%b,"$id":{"$oid":"%b"}}}' % (
            self.text(content),
            object_id_hex(raw, at),
        )
        return said, at + 12

    def code(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        content, end = string_content(raw, at)
        return b'{"$code":%b}' % self.text(content), end

    def symbol(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        content, end = string_content(raw, at)
        return b'{"$symbol":%b}' % self.text(content), end

    def code_with_scope(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        size = int32(raw, at)
        content, middle = string_content(raw, at + 4)
        scope, end = self.document(raw, middle)
        if end != at + size:
            raise malformed("has code with a scope of another length than it says")
        return b'{"$code":%b,"$scope":%b}' % (self.text(content), scope), end

    def int32(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        return b'{"$numberInt":"%d"}' % int32(raw, at), at + 4

    def timestamp(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        return b'{"$timestamp":{"t":%d,"i":%d}}' % timestamp(raw, at), at + 8

    def int64(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        return b'{"$numberLong":"%d"}' % int64(raw, at), at + 8

    def decimal128(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        return b'{"$numberDecimal":"%b"}' % decimal_text(raw, at), at + 16

    def max_key(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: ARG002, D102
        return b'{"$maxKey":1}', at

    def min_key(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: ARG002, D102
        return b'{"$minKey":1}', at


class RelaxedWriter(CanonicalWriter):
    """Writes relaxed Extended JSON: numbers as JSON's, dates as text where they have one.

    Text that is not UTF-8 is replaced (U+FFFD) and counted as ``invalid_text``.
    """

    def __init__(self, counts: Counter[str] | None = None) -> None:
        super().__init__()
        self._counts: Counter[str] = Counter() if counts is None else counts

    def text(self, raw: bytes) -> bytes:
        """Write UTF-8 bytes as a JSON string."""
        try:
            return super().text(raw)
        except BadValueError:
            return self._replaced(raw)

    def name(self, raw: bytes) -> bytes:
        """Write a field's name with its colon."""
        try:
            return super().name(raw)
        except BadValueError:
            return self._replaced(raw) + b":"

    def _replaced(self, raw: bytes) -> bytes:
        self._counts["invalid_text"] += 1
        return encode_json(raw.decode(errors="replace"))

    def double(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        number = double(raw, at)
        if isfinite(number):
            return encode_json(number), at + 8
        return super().double(raw, at)

    def date(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        millis = int64(raw, at)
        if _RELAXED_DATE_MIN_MS <= millis <= DATE_MAX_MS:
            moment = EPOCH + timedelta(milliseconds=millis)
            said = moment.isoformat(timespec="milliseconds" if millis % 1000 else "seconds")
            return b'{"$date":"%bZ"}' % said.encode(), at + 8
        return super().date(raw, at)

    def int32(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        return b"%d" % int32(raw, at), at + 4

    def int64(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        return b"%d" % int64(raw, at), at + 8


def double_text(number: float) -> bytes:
    """Return a double as canonical Extended JSON spells it."""
    if isfinite(number):
        return repr(number).encode()
    return b"NaN" if isnan(number) else b"Infinity" if number > 0 else b"-Infinity"


@lru_cache(maxsize=8192)
def _name(raw: bytes) -> bytes:
    said = encode_json(utf8(raw)) + b":"
    return b'"\\u0024' + said[2:] if raw in WRAPPERS else said
