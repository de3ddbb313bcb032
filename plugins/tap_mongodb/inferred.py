"""A schema found in the documents: one column for each field, as wide as its values need.

A field's kind is the narrowest that holds every value seen. Kinds only ever widen, and the order
in which values are seen changes nothing, so that a sample decides how often a schema grows and,
up to :data:`MAX_FIELDS` fields, never what it grows to. What was found is kept between runs: a row
whose field is gone needs a null, also for a field that this run has not met.
"""

from __future__ import annotations

from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from tap_mongodb.bson_bytes import decimal_text, double, elements, guarded, int64
from tap_mongodb.extended_json import DATE_MAX_MS, DATE_MIN_MS
from tap_mongodb.plain_json import UUID_BYTES, UUID_SUBTYPE, OddValueError, encode_plain
from tap_mongodb.shapes import EXTRA, EXTRA_SCHEMA, record_schema, split

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator, Mapping

    from tap_mongodb.plain_json import PlainJson, Policy

MAX_FIELDS = 500
"""Documents used as maps have names without end, and a table has not: the rest stands apart."""

ANY = "any"
_SCHEMAS: dict[str, dict[str, Any]] = {
    ANY: {"type": ["array", "boolean", "number", "object", "string"]},
    "array": {"type": "array"},
    "boolean": {"type": "boolean"},
    "date-time": {"type": "string", "format": "date-time"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "object": {"type": "object"},
    "string": {"type": "string"},
    "uuid": {"type": "string", "format": "uuid"},
}
_WIDER = {"integer": "number", "date-time": "string", "uuid": "string"}
_FITS: dict[str, frozenset[type]] = {
    "array": frozenset({list}),
    "boolean": frozenset({bool}),
    "date-time": frozenset({datetime}),
    "integer": frozenset({int}),
    "number": frozenset({int, float}),
    "object": frozenset({dict}),
    "string": frozenset({str, datetime, UUID}),
    "uuid": frozenset({UUID}),
}
_FITS[ANY] = frozenset().union(*_FITS.values())
_NOTHING: frozenset[type] = frozenset()

# By BSON's type byte; what is not here is written as an object of Extended JSON.
_KINDS = {
    0x01: "number",
    0x02: "string",
    0x03: "object",
    0x04: "array",
    0x05: "string",
    0x06: None,
    0x07: "string",
    0x08: "boolean",
    0x09: "date-time",
    0x0A: None,
    0x0D: "string",
    0x0E: "string",
    0x10: "integer",
    0x12: "integer",
    0x13: "string",
}
_DOUBLE, _BINARY, _DATE, _DECIMAL = 0x01, 0x05, 0x09, 0x13


def widest(kind: str | None, other: str) -> str:
    """Return the narrowest kind that holds the values of both."""
    if kind is None or kind == other:
        return other
    for narrow, wide in ((kind, other), (other, kind)):
        if _WIDER.get(narrow) == wide:
            return wide
    return _WIDER[kind] if _WIDER.get(kind, kind) == _WIDER.get(other) else ANY


class InferredShape:
    """Fields as columns, found in a sample and widened by what comes later."""

    def __init__(
        self,
        plain: PlainJson,
        policy: Policy,
        counts: Counter[str],
        known: Mapping[str, str],
        sample: Iterable[bytes],
    ) -> None:
        self._plain = plain
        self._policy = policy
        self._counts = counts
        self.generation = 0
        """Grows by one whenever the schema does."""
        self.known: dict[str, str] = {
            name: kind for name, kind in known.items() if kind in _SCHEMAS
        }
        """Kind of each field."""
        # By name: which document of a sample comes first is chance.
        seen: dict[str, str] = {}
        for raw in sample:
            for name, kind in self._kinds(raw):
                seen[name] = widest(seen.get(name), kind)
        for name in sorted(seen):
            self._widen(name, seen[name])
        self._grown()

    def members(self, raw: bytes) -> bytes:
        """Return the fields of a document; see :class:`tap_mongodb.shapes.Shape`."""
        try:
            document = self._plain.read(raw)
            if self._fits_all(document):
                if document.keys() != self.known.keys():
                    document = {name: document.get(name) for name in self.known}
                document[EXTRA] = None
                return encode_plain(document)[1:-1]
        except OddValueError:
            pass
        self._learn(raw)
        walked: dict[str, Any] = msgspec.json.decode(self._plain.write(raw))
        return split(walked, self.known, self._counts)

    def _fits_all(self, document: dict[str, Any]) -> bool:
        """Return whether every field has a column that holds it; takes the key out."""
        document.pop("_id", None)
        fits = self._fits
        for name, value in document.items():
            if value is not None and type(value) not in fits.get(name, _NOTHING):
                return False
        return True

    def _learn(self, raw: bytes) -> None:
        before = dict(self.known)
        for name, kind in self._kinds(raw):
            self._widen(name, kind)
        if self.known != before:
            self._counts["widened_fields"] += sum(
                self.known[name] != before.get(name) for name in self.known
            )
            self._grown()
            self.generation += 1

    def _widen(self, name: str, kind: str) -> None:
        if name in self.known or len(self.known) < MAX_FIELDS:
            self.known[name] = widest(self.known.get(name), kind)

    def _grown(self) -> None:
        self.known = dict(sorted(self.known.items()))
        self._fits = {name: _FITS[kind] for name, kind in self.known.items()}
        fields = {name: _SCHEMAS[kind] for name, kind in self.known.items()}
        self.schema = record_schema({**fields, EXTRA: EXTRA_SCHEMA})

    def _kinds(self, raw: bytes) -> Iterator[tuple[str, str]]:
        """Yield the kind of each field that has a value and may be a column."""
        for type_byte, raw_name, start, _ in guarded(
            lambda data, at: list(elements(data, at)), raw
        ):
            name = raw_name.decode(errors="replace")
            kind = self._kind(raw, type_byte, start)
            if kind is not None and name != "_id" and not name.startswith("_sdc_"):
                yield name, kind

    def _kind(self, raw: bytes, type_byte: int, start: int) -> str | None:
        kind = _KINDS.get(type_byte, "object")
        odd = False
        instead = self._policy.nonfinite_numbers
        if type_byte == _DOUBLE:
            odd = not isfinite(double(raw, start))
        elif type_byte == _DECIMAL:
            odd = not decimal_text(raw, start)[-1:].isdigit()
        elif type_byte == _BINARY:
            size, subtype = raw[start], raw[start + 4]
            return "uuid" if (size, subtype) == (UUID_BYTES, UUID_SUBTYPE) else kind
        elif type_byte == _DATE:
            if self._policy.datetime_conversion == "datetime_ms":
                return "integer"
            if self._policy.datetime_conversion != "datetime_clamp":
                instead = self._policy.out_of_range_dates
                odd = not DATE_MIN_MS <= int64(raw, start) <= DATE_MAX_MS
        if odd:
            return "string" if instead == "string" else None
        return kind
