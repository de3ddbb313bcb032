"""RECORD lines of one stream as rows of its tables, each value encoded as Cassandra keeps it.

Blocks of lines are decoded and checked against the schema by msgspec at once, in C. Only when a
block does not decode is each of its lines looked at alone, so that its fault can be named.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec.structs import astuple

from singer_kit.errors import MessageError
from singer_kit.writer import encoder as json_encoder
from target_cassandra import values
from target_cassandra.layout import DELETED_AT, LSN
from target_cassandra.rejects import Fault
from target_cassandra.rows import Parts, RowPlan
from target_cassandra.settings import DeleteMode
from target_cassandra.values import Kind, Shape, Unfit, shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_cassandra.layout import Layout
    from target_cassandra.settings import NullHandling
    from target_cassandra.values import UserTypes

_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_WHERE = re.compile(r" - at `\$(?:\[(?:\d+|\.\.\.)\])?\.?(.*)`$")
_RANGE = ("range", ">=", "<=", "Integer value out")
_INT64 = 2**63


class Record(msgspec.Struct, gc=False):
    """What one RECORD line holds for the tables of its stream."""

    line: int
    lsn: int
    entity: bytes
    """The stream's key, without where the record was read; empty if no table of it moves rows."""
    is_delete: bool
    parts: list[Parts]
    """For each table of the stream."""
    size: int


@dataclass(slots=True)
class Decoded:
    """What some RECORD lines gave."""

    records: list[Record] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


class Clock:
    """Microseconds since the epoch that never stand still: versions of records without one."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> int:
        """Return a number greater than all before."""
        self._last = max(self._last + 1, time.time_ns() // 1000)
        return self._last


class RecordCodec:
    """Decodes RECORD lines of one stream for its tables.

    ``types`` are the CQL types of each table's columns, as the tables are.
    """

    def __init__(
        self,
        stream: str,
        schema: Mapping[str, Any],
        keys: Sequence[str],
        layouts: Sequence[Layout],
        types: Sequence[Mapping[str, str]],
        *,
        user_types: UserTypes,
        nulls: NullHandling,
        delete_mode: DeleteMode,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._delete_mode = delete_mode
        declared = {name: shape(one) for name, one in schema["properties"].items()}
        self._has_lsn = LSN in declared
        entity = [name for name in keys if not name.startswith("_sdc_")]
        self._shapes = _wanted(declared, entity, layouts, types)
        self._names = list(self._shapes)
        self._lsn_at = self._names.index(LSN) if self._has_lsn else None
        self._deleted_at = self._names.index(DELETED_AT)
        moves = any(one.moves for one in layouts)
        self._entity = [
            (self._names.index(name), self._key_encoder(name)) for name in entity if moves
        ]
        soft = delete_mode is DeleteMode.SOFT
        self.plans = [
            RowPlan(one, types[number], user_types, self._shapes, nulls=nulls, soft=soft)
            for number, one in enumerate(layouts)
        ]
        required = [*entity, LSN] if self._has_lsn else entity
        record = values.structure("Record", self._shapes, required)
        self._decoder = msgspec.json.Decoder(list[_envelope(stream, record)])  # type: ignore[misc]

    def _key_encoder(self, name: str) -> Any:
        one = self._shapes[name]
        encode = values.encoder(one, one.cql(None), {})
        if encode is None:
            # A document as a key: its text, whatever its shape.
            return lambda value: values.wire(json_encoder.encode(value))
        return encode

    def decode_block(self, block: bytes, numbers: Sequence[int]) -> Decoded | None:
        """Decode lines that are all valid, joined by line breaks; None if one is not."""
        # As one array: a message that is cut off cannot run on into the next one.
        try:
            messages = self._decoder.decode(b"".join((b"[", block.replace(b"\n", b","), b"]")))
        except _DECODE_ERRORS:
            return None
        if len(messages) != len(numbers):
            return None
        size = len(block) // max(len(numbers), 1)
        decoded = Decoded()
        for number, message in zip(numbers, messages, strict=True):
            try:
                record = self._record(message, number, size)
            except Unfit:
                return None
            if record is not None:
                decoded.records.append(record)
        return decoded

    def decode(self, lines: Sequence[bytes], numbers: Sequence[int]) -> Decoded:
        """Decode lines; a record that is not valid comes back as a fault.

        Raises:
            MessageError: a line is no message at all.
        """
        whole = self.decode_block(b"\n".join(lines), numbers)
        if whole is not None:
            return whole
        decoded = Decoded()
        for number, line in zip(numbers, lines, strict=True):
            try:
                [message] = self._decoder.decode(b"[" + line + b"]")
                if (record := self._record(message, number, len(line))) is not None:
                    decoded.records.append(record)
            except Unfit as unfit:
                path = f"$.{unfit.path}" if unfit.path else "$"
                decoded.faults.append(
                    Fault(number, path, unfit.code, str(unfit), payload_of(line, number))
                )
            except _DECODE_ERRORS as error:
                decoded.faults.append(self._fault(line, number, error))
        return decoded

    def _record(self, message: Any, line: int, size: int) -> Record | None:
        """Return what a message holds, None if it is a delete and those are left out."""
        record = astuple(message.record)
        lsn = record[self._lsn_at] if self._lsn_at is not None else self._clock()
        if not -_INT64 < lsn < _INT64:
            raise _at(Unfit("range", "is no version: it has more than 64 bits"), LSN)
        key = []
        for index, encode in self._entity:
            try:
                part = encode(record[index])
            except Unfit as unfit:
                raise _at(unfit, self._names[index]) from None
            key.append(part)
        deleted = record[self._deleted_at]
        is_delete = deleted is not None and deleted is not msgspec.UNSET
        if is_delete and self._delete_mode is DeleteMode.IGNORE:
            return None
        is_delete = is_delete and self._delete_mode is DeleteMode.HARD
        parts = [plan.parts(record, message, is_delete=is_delete) for plan in self.plans]
        return Record(line, lsn, b"".join(key), is_delete, parts, size)

    def _fault(self, line: bytes, number: int, error: Exception) -> Fault:
        payload = payload_of(line, number)
        if isinstance(error, UnicodeDecodeError):
            return Fault(number, "$", "encoding", "is not UTF-8", payload)
        if isinstance(error, RecursionError):
            return Fault(number, "$", "depth", "is nested too deeply to be read", payload)
        said = str(error)
        if not isinstance(error, msgspec.ValidationError):
            message = "holds a number or a character that JSON has not"
            return Fault(number, "$", "format", message, payload)
        found = _WHERE.search(said)
        inside = found[1] if found else ""
        said = _WHERE.sub("", said).replace("`", "")
        if not inside.startswith("record"):
            if inside:
                return Fault(number, f"$.{inside}", "type", f"in the message: {said}", payload)
            raise MessageError(number, f"is no RECORD message: {said}")
        path = "$" + inside.removeprefix("record")
        if said.startswith("Object missing required field"):
            name = said.rpartition(" ")[2]
            path, code, said = f"{path}.{name}", "required", "missing, and part of the key"
        elif "got null" in said:
            code, said = "required", "null, and part of the key"
        elif any(word in said for word in _RANGE):
            code = "range"
        else:
            code = "format" if said.startswith("Invalid") else "type"
        return Fault(number, path, code, said, payload)


def _wanted(
    declared: Mapping[str, Shape],
    entity: Sequence[str],
    layouts: Sequence[Layout],
    types: Sequence[Mapping[str, str]],
) -> dict[str, Shape]:
    """Return the properties that tables ask for; a document that is kept as text stays text."""
    found: dict[str, Shape] = {name: declared[name] for name in entity}
    if LSN in declared:
        found[LSN] = shape({"type": "integer"})
    found[DELETED_AT] = shape({"type": "string", "format": "date-time"})
    whole: set[str] = set()
    for one, known in zip(layouts, types, strict=True):
        if one.spec.explode is not None:
            whole.add(one.spec.explode)
            found[one.spec.explode] = declared[one.spec.explode]
        for column in one.columns:
            if column.origin == "record" and column.source not in found:
                found[column.source] = declared[column.source]
            if column.origin == "record" and known[column.name] != "text":
                whole.add(column.source)
    return {
        name: Shape(Kind.ANY, one.schema)
        if one.is_document and name not in whole and name not in entity
        else one
        for name, one in found.items()
    }


def _envelope(stream: str, record: Any) -> Any:
    fields: list[Any] = [
        ("type", Literal["RECORD"]),
        ("stream", Literal[stream]),
        ("record", record),
        ("time_extracted", dt.datetime | None, None),
        ("version", int | None, None),
    ]
    return msgspec.defstruct("Envelope", fields, gc=False)


def _at(unfit: Unfit, name: str) -> Unfit:
    unfit.path = name
    return unfit


def payload_of(line: bytes, number: int) -> bytes:
    """Return the record of a message as JSON text; what JSON has not is replaced.

    Raises:
        MessageError: the line is no JSON.
    """
    try:
        message = msgspec.json.decode(line)
    except _DECODE_ERRORS:
        text = line.decode(errors="replace")
        try:
            message = json.loads(text, parse_constant=lambda _: None)
        except ValueError as error:
            raise MessageError(number, f"is not JSON: {error}") from None
        except RecursionError:
            message = {"record": {"raw": f"{len(line)} bytes"}}
    record = message.get("record") if isinstance(message, dict) else None
    text = json.dumps(record, ensure_ascii=False)
    return text.encode(errors="replace")
