"""BSON as the JSON a reader expects: ids, dates and UUIDs as text, numbers as numbers.

What JSON has no form for (timestamps, patterns, code with a scope, the smallest and largest key,
pointers) is written in relaxed Extended JSON.

Two ways lead to the same text. The fast one decodes with bson's C code and encodes with msgspec's;
it takes the values nearly all documents are made of and gives up on any other. The other walks the
bytes: it applies the settings, counts, and says where a fault is.
"""

from __future__ import annotations

import base64
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from math import isfinite
from typing import TYPE_CHECKING, Any

import bson
import msgspec
from bson import Binary, Decimal128, Int64, ObjectId
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion, TypeDecoder, TypeRegistry
from bson.datetime_ms import DatetimeMS

from tap_mongodb.bson_bytes import (
    BadValueError,
    binary_content,
    decimal_text,
    document_end,
    double,
    int64,
    malformed,
    name_end,
    object_id_hex,
    string_content,
)
from tap_mongodb.extended_json import (
    DATE_MAX_MS,
    DATE_MIN_MS,
    EPOCH,
    RelaxedWriter,
    double_text,
    encode_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable

UUID_SUBTYPE, UUID_BYTES = 4, 16
_CYCLE_YEARS, _CYCLE_DAYS = 400, 146_097
"""The calendar repeats itself after so long."""


@dataclass(frozen=True)
class Policy:
    """What becomes of values that JSON or the calendar has no place for."""

    nonfinite_numbers: str = "null"
    """`null`, `string` or `fail`."""
    out_of_range_dates: str = "null"
    """`null`, `string` or `fail`, for years before 1 and after 9999."""
    datetime_conversion: str = "datetime"
    """`datetime_clamp` brings dates into range; `datetime_ms` writes milliseconds as numbers."""
    zone: str = "Z"
    """What stands behind a date and time; all are UTC."""
    counts: Counter[str] = field(default_factory=Counter, compare=False)
    """Counts `nonfinite_numbers`, `out_of_range_dates` and `invalid_text`."""


class ForbiddenValueError(BadValueError):
    """A value that a setting says must end the run."""


class OddValueError(Exception):
    """A document has a value that the fast way does not take."""


class PlainWriter(RelaxedWriter):
    """Walks a document's bytes and writes plain JSON."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy.counts)
        self._policy = policy

    def document(self, raw: bytes, at: int) -> tuple[bytes, int]:
        """Write a document; of a repeated name the last value counts, as for every JSON reader."""
        members: dict[bytes, bytes] = {}
        end = document_end(raw, at)
        at += 4
        while at < end - 1:
            start = at
            at = name_end(raw, start + 1) + 1
            name = raw[start + 1 : at - 1]
            try:
                text, at = self._writer(raw[start])(raw, at)
                members[self.name(name)] = text
            except BadValueError as error:
                error.path.append(name.decode(errors="replace"))
                raise
        if at != end - 1:
            raise malformed("a value reaches beyond its document")
        return b"{" + b",".join(name + text for name, text in members.items()) + b"}", end

    def name(self, raw: bytes) -> bytes:
        """Write a name; a dollar in it needs no care, because nothing here is read back."""
        said = super().name(raw)
        return said.replace(b'"\\u0024', b'"$', 1)

    def double(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102 - by BSON's own names from here
        number = double(raw, at)
        if isfinite(number):
            return encode_json(number), at + 8
        return self._nonfinite(double_text(number)), at + 8

    def decimal128(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        said = decimal_text(raw, at)
        if said[-1:].isdigit():
            return b'"%b"' % said, at + 16
        return self._nonfinite(b"NaN" if said.endswith(b"NaN") else said), at + 16

    def date(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        millis = int64(raw, at)
        if self._policy.datetime_conversion == "datetime_ms":
            return b"%d" % millis, at + 8
        if not DATE_MIN_MS <= millis <= DATE_MAX_MS:
            self._policy.counts["out_of_range_dates"] += 1
            if self._policy.datetime_conversion == "datetime_clamp":
                millis = min(max(millis, DATE_MIN_MS), DATE_MAX_MS)
            elif self._policy.out_of_range_dates == "null":
                return b"null", at + 8
            elif self._policy.out_of_range_dates == "fail":
                raise ForbiddenValueError(
                    "date_out_of_range",
                    "found a date before year 1 or after 9999, which 'out_of_range_dates' forbids",
                )
        return b'"%b"' % self._moment(millis).encode(), at + 8

    def binary(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        content, subtype, end = binary_content(raw, at)
        if subtype == UUID_SUBTYPE and len(content) == UUID_BYTES:
            return b'"%b"' % str(uuid.UUID(bytes=content)).encode(), end
        return b'"%b"' % base64.b64encode(content), end

    def undefined(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: ARG002, D102
        return b"null", at

    def object_id(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        return b'"%b"' % object_id_hex(raw, at), at + 12

    def code(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        return self.string(raw, at)

    def symbol(self, raw: bytes, at: int) -> tuple[bytes, int]:  # noqa: D102
        content, end = string_content(raw, at)
        return self.text(content), end

    def _nonfinite(self, said: bytes) -> bytes:
        self._policy.counts["nonfinite_numbers"] += 1
        if self._policy.nonfinite_numbers == "null":
            return b"null"
        if self._policy.nonfinite_numbers == "string":
            return b'"%b"' % said
        raise ForbiddenValueError(
            "number_not_finite", "found a number without a value, which 'nonfinite_numbers' forbids"
        )

    def _moment(self, millis: int) -> str:
        days, rest = divmod(millis, 86_400_000)
        cycles = 0 if DATE_MIN_MS <= millis <= DATE_MAX_MS else (days + 719_162) // _CYCLE_DAYS
        moment = EPOCH + timedelta(days=days - cycles * _CYCLE_DAYS, milliseconds=rest)
        text = moment.isoformat() + self._policy.zone
        if not cycles:
            return text
        # ISO 8601's expanded year: a sign, and as many digits as it needs.
        return f"{moment.year + cycles * _CYCLE_YEARS:+07d}{text[4:]}"


class PlainDecoder:
    """Decodes documents to Python values that msgspec writes as :class:`PlainWriter` would."""

    def __init__(self, policy: Policy) -> None:
        def decoder(kind: type, transform: Callable[[Any], Any]) -> TypeDecoder:
            members = {"bson_type": kind, "transform_bson": staticmethod(transform)}
            made: TypeDecoder = type("Decoder", (TypeDecoder,), members)()
            return made

        as_millis = policy.datetime_conversion == "datetime_ms"
        self._options: CodecOptions[dict[str, Any]] = CodecOptions(
            tz_aware=bool(policy.zone),
            uuid_representation=UuidRepresentation.STANDARD,
            datetime_conversion=(
                DatetimeConversion.DATETIME_MS if as_millis else DatetimeConversion.DATETIME_AUTO
            ),
            type_registry=TypeRegistry(
                [
                    # Functions written in C where there are such: they are called for each value.
                    decoder(ObjectId, str),
                    decoder(Int64, int),
                    decoder(float, _finite),
                    decoder(bytes, _base64),
                    decoder(Binary, _base64),
                    decoder(Decimal128, _finite_decimal),
                    *([decoder(DatetimeMS, int)] if as_millis else []),
                ]
            ),
        )

    def decode(self, raw: bytes) -> dict[str, Any]:
        """Return a document's fields.

        Raises:
            OddValueError: walk it instead.
        """
        try:
            return bson.decode(raw, self._options)
        except Exception as error:
            # Whatever it is, the walk says what and where.
            raise OddValueError from error


class PlainJson:
    """Plain JSON by whichever way a document needs."""

    def __init__(self, policy: Policy) -> None:
        self._decode = PlainDecoder(policy).decode
        self.writer = PlainWriter(policy)

    def write(self, raw: bytes) -> bytes:
        """Return a document as JSON.

        Raises:
            BadValueError: the bytes are no BSON, or hold what a setting forbids.
        """
        try:
            return encode_plain(self._decode(raw))
        except OddValueError:
            return self.writer.write(raw)

    def read(self, raw: bytes) -> dict[str, Any]:
        """Return a document's fields as Python values.

        Ids are text, dates aware datetimes, UUIDs are UUIDs. What JSON has no form for comes as
        bson's own type, or else, where a value needs the walk, all as JSON values.

        Raises:
            BadValueError: the bytes are no BSON, or hold what a setting forbids.
        """
        try:
            return self._decode(raw)
        except OddValueError:
            return self.walk(raw)

    def walk(self, raw: bytes) -> dict[str, Any]:
        """Return a document's fields as JSON values; raises as :meth:`read` does."""
        document: dict[str, Any] = msgspec.json.decode(self.writer.write(raw))
        return document


def _finite(number: float) -> float:
    if isfinite(number):
        return number
    raise OddValueError


def _finite_decimal(number: Decimal128) -> str:
    text = str(number)
    if text[-1:].isdigit():
        return text
    raise OddValueError


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _odd(value: object) -> None:
    raise OddValueError(type(value))


encode_plain = msgspec.json.Encoder(enc_hook=_odd).encode
"""Write what :class:`PlainDecoder` returned; raises OddValueError where that is not all of it."""
