"""RECORD lines that the fast way does not take: repaired where that loses nothing, else refused.

What is repaired: ``NaN`` and ``Infinity``, which JSON has not but Python writes; halves of
surrogate pairs; U+0000; integers written as ``1.0``; times in other forms of ISO 8601, days beyond
the years 1 to 9999. All other faults are named, each with its path in the record and a stable
code, never with the value.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import jsonschema  # type: ignore[import-untyped]  # comes with the SDK, without types
import msgspec

from target_postgres import copytext, metadata, shapes
from target_postgres.columns import SqlType
from target_postgres.copytext import ABSENT, NULL, NullCharacter
from target_postgres.errors import MessageError
from target_postgres.far_dates import far_date, far_moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_postgres.columns import Column

_NOT_NUMBERS = re.compile(rb'"(?:[^"\\]|\\.)*"|(-?Infinity|NaN)')
_SURROGATES = re.compile(
    rb"\\(?:\\|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2}))"
)
_WHITESPACE = bytes.maketrans(b"\t\r\n", b"   ")
_MOST_DIGITS = 40


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with one record."""

    line: int
    path: str
    """A JSON path; ``$`` is the record."""
    code: str
    message: str
    payload: bytes
    """The record, as JSON text."""


@dataclass(frozen=True, slots=True)
class OddRow:
    """A record that is valid once repaired, as JSON tokens."""

    tokens: list[bytes]
    message: tuple[bytes, bytes]
    """The message's time of extraction and version."""
    lsns: list[int]
    is_delete: bool


class _Wrong(Exception):  # noqa: N818 - not an error of the program, and never leaves this module
    def __init__(self, path: str, code: str, message: str) -> None:
        super().__init__(message)
        self.path, self.code, self.message = path, code, message


class OddLines:
    """Reads RECORD lines of one stream, one at a time."""

    def __init__(
        self, stream: str, columns: Sequence[Column], null_character: NullCharacter
    ) -> None:
        self._envelope = msgspec.json.Decoder(_envelope(stream))
        self._columns = columns
        self._null_character = null_character
        self._decoders = [msgspec.json.Decoder(column.validates) for column in columns]
        self._message_decoders = [
            msgspec.json.Decoder(validates | None) for validates in metadata.MESSAGE_TYPES
        ]

    def read(self, line: bytes, number: int) -> OddRow | list[Fault]:
        """Return the row of one line, or all that is wrong with it."""
        try:
            line.decode()
        except UnicodeDecodeError as error:
            payload = msgspec.json.encode({"raw": line.decode(errors="replace")})
            message = f"byte {error.start + 1} of the line is not UTF-8"
            return [Fault(number, "$", "encoding", message, payload)]
        has_null = copytext.has_null_character(line)
        try:
            envelope = self._envelope.decode(self._repair(line))
        except RecursionError:
            payload = msgspec.json.encode({"raw": f"{len(line)} bytes"})
            return [Fault(number, "$", "depth", "nested too deeply to be read", payload)]
        except msgspec.ValidationError as error:
            raise MessageError(number, f"is no RECORD message: {error}") from None
        except msgspec.DecodeError as error:
            raise MessageError(number, f"is not JSON: {error}") from None
        payload = msgspec.json.encode(envelope.record)
        if has_null and self._null_character is NullCharacter.FAIL:
            message = "holds U+0000, which PostgreSQL cannot store"
            return [Fault(number, "$", "null_character", message, payload)]
        return self._row(envelope, number, payload)

    def _repair(self, line: bytes) -> bytes:
        strip = self._null_character is NullCharacter.STRIP
        line = line.replace(b"\x00", b"" if strip else copytext.REPLACEMENT.encode())
        line = _SURROGATES.sub(lambda found: rb"\ufffd" if found[1] else found[0], line)
        return _NOT_NUMBERS.sub(
            lambda found: b'"' + found[1] + b'"' if found[1] else found[0], line
        )

    def _row(self, envelope: Any, number: int, payload: bytes) -> OddRow | list[Fault]:
        tokens: list[bytes] = []
        faults: list[Fault] = []
        lsns: list[int] = []
        is_delete = False
        for column, decoder in zip(self._columns, self._decoders, strict=True):
            raw = envelope.record.get(column.property_name)
            is_deletion = column.name == metadata.DELETED_AT
            if raw is None:
                if column.is_key:
                    message = "missing, and part of the stream's key"
                    faults.append(
                        Fault(number, f"$.{column.property_name}", "required", message, payload)
                    )
                tokens.append(NULL if is_deletion else ABSENT)
                continue
            try:
                token = _token(column, decoder, bytes(raw).translate(_WHITESPACE))
            except _Wrong as wrong:
                faults.append(Fault(number, wrong.path, wrong.code, wrong.message, payload))
                continue
            tokens.append(token)
            is_delete = is_delete or (is_deletion and token != NULL)
            if metadata.is_version(column) and token != NULL:
                lsns.append(int(token))
        if faults:
            return faults
        return OddRow(tokens, self._message(envelope), lsns, is_delete)

    def _message(self, envelope: Any) -> tuple[bytes, bytes]:
        """Return the message's own fields; what is wrong there says nothing of the record."""
        found: list[bytes] = []
        values = (envelope.time_extracted, envelope.version)
        for raw, decoder in zip(values, self._message_decoders, strict=True):
            try:
                decoder.decode(raw)
                found.append(bytes(raw))
            except msgspec.DecodeError:
                found.append(NULL)
        return found[0], found[1]


def _envelope(stream: str) -> Any:
    """Return the type of a RECORD message of this stream, its values unread."""
    none = msgspec.Raw(NULL)
    fields: list[Any] = [
        ("type", Literal["RECORD"]),
        ("stream", Literal[stream]),
        ("record", dict[str, msgspec.Raw]),
        ("time_extracted", msgspec.Raw, none),
        ("version", msgspec.Raw, none),
    ]
    return msgspec.defstruct("Envelope", fields)


def _token(column: Column, decoder: msgspec.json.Decoder[Any], raw: bytes) -> bytes:
    """Return the JSON token to write for ``raw``; raises :class:`_Wrong`."""
    try:
        decoder.decode(raw)
    except RecursionError:
        raise _Wrong(f"$.{column.property_name}", "depth", "nested too deeply to be read") from None
    except msgspec.DecodeError as error:
        message = str(error)
    else:
        return raw
    if column.sql_type is SqlType.JSONB:
        return _judged_by_schema(column, raw)
    repaired = _repaired(column, json.loads(raw, parse_float=Decimal, parse_int=Decimal))
    if repaired is not None:
        return repaired
    raise _Wrong(f"$.{column.property_name}", _code(message), message.replace("`", ""))


def _judged_by_schema(column: Column, raw: bytes) -> bytes:
    """Ask JSON Schema itself about types inside a document; our own check is the stricter one."""
    validator = jsonschema.Draft7Validator(shapes.only_types(column.schema))
    for error in validator.iter_errors(json.loads(raw)):
        if error.validator == "type":
            inside = error.json_path.removeprefix("$")
            found = type(error.instance).__name__
            message = f"expected {error.validator_value}, got {found}"
            raise _Wrong(f"$.{column.property_name}{inside}", "type", message)
    return raw


def _repaired(column: Column, value: Any) -> bytes | None:
    """Return another spelling of a value that means the same and is right; None if none is."""
    found: str | None = None
    match column.sql_type, value:
        case ((SqlType.INTEGER | SqlType.BIGINT), Decimal()):
            bits = 31 if column.sql_type is SqlType.INTEGER else 63
            is_small = value.adjusted() < _MOST_DIGITS
            if is_small and value == int(value) and -(2**bits) <= value < 2**bits:
                found = str(int(value))
        case SqlType.NUMERIC, Decimal():
            found = str(value)
        case SqlType.NUMERIC, "NaN" | "Infinity" | "-Infinity":
            found = f'"{value}"'
        case SqlType.TIMESTAMPTZ, str():
            found = _quoted(_moment(value) or far_moment(value))
        case SqlType.DATE, str():
            found = _quoted(far_date(value))
    return found.encode() if found is not None else None


def _moment(value: str) -> str | None:
    with contextlib.suppress(ValueError):
        return dt.datetime.fromisoformat(value).isoformat()
    return None


def _quoted(text: str | None) -> str | None:
    return None if text is None else f'"{text}"'


def _code(message: str) -> str:
    if message.startswith("Invalid") or "matching" in message:
        return "format"
    if "range" in message or ">=" in message or "<=" in message:
        return "range"
    return "type"
