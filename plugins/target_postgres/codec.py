"""RECORD lines of one stream, validated and turned into COPY text.

Whole blocks of lines are decoded twice by msgspec, both times in C: once into typed structs,
which validates every field against the stream's schema, and once into raw slices of the
original text, which are what is written. So numbers keep their digits and text its bytes. Only
when a block does not decode is each of its lines looked at alone, slowly and leniently, so that
a fault can be named (:mod:`target_postgres.odd_lines`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec.structs import astuple

from target_postgres import copytext, metadata
from target_postgres.columns import unnameable
from target_postgres.copytext import ABSENT, NEWLINE, NULL, TAB, NullCharacter
from target_postgres.odd_lines import OddLines, OddRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_postgres.columns import Column
    from target_postgres.odd_lines import Fault

_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_MESSAGE_FIELDS = 3
"""How many fields of a message come before those of :data:`metadata.MESSAGE_COLUMNS`."""

_TO_SPACES = bytes.maketrans(b"\t\r", b"  ")


@dataclass(frozen=True, slots=True)
class Chunk:
    """COPY text of some rows of one stream, in the order in which they came."""

    data: bytes
    lines: Sequence[int]
    """The line of the message stream that each row was on, from 1."""
    mixed: bool = False
    """Whether some row lacks a property; each row then ends in a mask of those it has."""

    def rows(self) -> list[bytes]:
        """Return the rows, without their line breaks."""
        return self.data.split(NEWLINE)[:-1]

    def part(self, start: int, stop: int) -> Chunk:
        """Return some of the rows, as a slice would."""
        rows = self.rows()[start:stop]
        return Chunk(b"".join(row + NEWLINE for row in rows), self.lines[start:stop], self.mixed)


@dataclass(slots=True)
class Encoded:
    """What some RECORD lines gave."""

    chunk: Chunk
    deletes: int = 0
    lsns: list[int] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


@dataclass(slots=True)
class _Rows:
    """Rows on their way to COPY text: tokens joined by tabs."""

    tokens: list[bytes] = field(default_factory=list)
    lines: Sequence[int] = ()
    lsns: list[int] = field(default_factory=list)
    deletes: int = 0


class RowCodec:
    """Turns RECORD lines of one stream into rows of its table.

    ``columns`` are those whose values come from the record. ``names`` says all columns that are
    written, in order.
    """

    def __init__(
        self,
        stream: str,
        columns: Sequence[Column],
        *,
        with_metadata: bool,
        null_character: NullCharacter,
    ) -> None:
        plain = [column for column in columns if not column.is_json]
        json = [column for column in columns if column.is_json]
        self.columns = [*plain, *json]
        self.with_metadata = with_metadata
        self.null_character = null_character
        self.names = [
            *(column.name for column in plain),
            *(metadata.MESSAGE_COLUMNS if with_metadata else ()),
            *(column.name for column in json),
            *(metadata.BLOCK_COLUMNS if with_metadata else ()),
        ]
        self._plain_count = len(plain)
        self._has_json = bool(json)
        self._binary = [(index, one.binary) for index, one in enumerate(plain) if one.binary]
        self._odd = OddLines(stream, self.columns, null_character)
        self._nameable = not any(unnameable(column.property_name) for column in columns)
        if self._nameable:
            self._build_decoders(stream)

    def _build_decoders(self, stream: str) -> None:
        names = {f"f{index}": one.property_name for index, one in enumerate(self.columns)}
        field_of = {one.name: f"f{index}" for index, one in enumerate(self.columns)}
        version = next((one for one in self.columns if metadata.is_version(one)), None)
        self._lsn_field = field_of[version.name] if version else None
        self._deleted_field = field_of.get(metadata.DELETED_AT)
        typed: list[Any] = []
        raw: list[Any] = []
        for attribute, column in zip(names, self.columns, strict=True):
            # A key has no default: a record without one does not decode.
            default = () if column.is_key else (None,)
            typed.append((attribute, column.validates, *default))
            absent = NULL if column.name == metadata.DELETED_AT else ABSENT
            raw.append((attribute, msgspec.Raw, msgspec.Raw(absent)))
        message = list(zip(("time_extracted", "version"), metadata.MESSAGE_TYPES, strict=True))
        self._typed = _decoder(
            stream,
            msgspec.defstruct("Typed", typed, rename=names, kw_only=True, gc=False),
            [(name, validates | None, None) for name, validates in message],
        )
        written = message if self.with_metadata else []
        self._raw = _decoder(
            stream,
            msgspec.defstruct("Raw", raw, rename=names, gc=False),
            [(name, msgspec.Raw, msgspec.Raw(NULL)) for name, _ in written],
        )

    def encode_block(self, block: bytes, numbers: Sequence[int], stamp: bytes) -> Encoded | None:
        """Encode RECORD lines that are all valid, joined by line breaks; None if one is not.

        ``numbers`` are those of the lines; ``stamp`` is the fields that all rows share.
        """
        rows = _Rows(lines=numbers)
        if not self._decode(block.replace(NEWLINE, b","), len(numbers), rows):
            return None
        return self._encoded(rows, stamp, [])

    def encode(self, lines: Sequence[bytes], numbers: Sequence[int], stamp: bytes) -> Encoded:
        """Encode RECORD lines; a record that is not valid comes back as a fault.

        No line may be blank. One that is no message at all raises
        :class:`~target_postgres.errors.MessageError`.
        """
        whole = self.encode_block(NEWLINE.join(lines), numbers, stamp)
        if whole is not None:
            return whole
        rows = _Rows()
        kept: list[int] = []
        faults: list[Fault] = []
        for number, line in zip(numbers, lines, strict=True):
            if not self._decode(line, 1, rows):
                found = self._odd.read(line, number)
                if not isinstance(found, OddRow):
                    faults += found
                    continue
                self._append(found, rows)
            kept.append(number)
        rows.lines = kept
        return self._encoded(rows, stamp, faults)

    def _decode(self, messages: bytes, count: int, rows: _Rows) -> bool:
        """Add the rows of ``count`` messages if all of them are valid; else add none."""
        if not self._nameable:
            return False
        # As one array: a message that is cut off cannot run on into the next one.
        array = b"[" + messages + b"]"
        if self.null_character is NullCharacter.FAIL and rb"\u0000" in array:
            return False
        try:
            typed = self._typed.decode(array)
            if len(typed) != count:
                return False
            lsns, deletes = self._facts(typed)
            del typed
            if b"\t" in array or b"\r" in array:
                # Valid JSON has them between tokens only; between fields they mean something.
                array = array.translate(_TO_SPACES)
            raw = self._raw.decode(array)
        except _DECODE_ERRORS:
            return False
        rows.lsns += lsns
        rows.deletes += deletes
        records = [astuple(one.record) for one in raw]
        if self._binary:
            records = [self._with_bytes(record) for record in records]
        plain, join = self._plain_count, TAB.join
        rows.tokens += [
            join((*record[:plain], *astuple(one)[_MESSAGE_FIELDS:], *document))
            for record, one, document in zip(records, raw, self._documents(records), strict=True)
        ]
        return True

    def _with_bytes(self, record: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return a record's tokens with its encoded bytes as PostgreSQL reads them."""
        tokens = list(record)
        for index, binary in self._binary:
            token = bytes(tokens[index])
            if token not in {ABSENT, NULL}:
                data = binary.to_bytes(msgspec.json.decode(token))
                tokens[index] = b'"\\\\x' + data.hex().encode() + b'"'
        return tuple(tokens)

    def _facts(self, typed: Sequence[Any]) -> tuple[list[int], int]:
        """Return the versions of records, and how many of them are deletes."""
        lsns: list[int] = []
        if (name := self._lsn_field) is not None:
            lsns = [lsn for one in typed if (lsn := getattr(one.record, name)) is not None]
        deletes = 0
        if (name := self._deleted_field) is not None:
            deletes = sum(getattr(one.record, name) is not None for one in typed)
        return lsns, deletes

    def _documents(self, records: Sequence[Sequence[bytes]]) -> Sequence[tuple[bytes, ...]]:
        """Return the JSON fields of each record as one, none if the stream has no such column."""
        if not self._has_json:
            return [()] * len(records)
        plain, join, keep = self._plain_count, TAB.join, copytext.json_field
        null_character = self.null_character
        return [(keep(join(record[plain:]), null_character),) for record in records]

    def _append(self, row: OddRow, rows: _Rows) -> None:
        message = row.message if self.with_metadata else ()
        record = self._with_bytes(row.tokens)
        (document,) = self._documents([record])
        rows.tokens.append(TAB.join((*record[: self._plain_count], *message, *document)))
        rows.lsns += row.lsns
        rows.deletes += row.is_delete

    def _encoded(self, rows: _Rows, stamp: bytes, faults: list[Fault]) -> Encoded:
        tail = (TAB + stamp if self.with_metadata else b"") + NEWLINE
        data = copytext.block(
            tail.join(rows.tokens) + tail if rows.tokens else b"", self.null_character
        )
        mixed = ABSENT in data
        if mixed:
            data = b"".join(_masked(row) for row in data.split(NEWLINE)[:-1])
        return Encoded(Chunk(data, rows.lines, mixed), rows.deletes, rows.lsns, faults)

    def record_of(self, row: bytes) -> dict[str, object]:
        """Return the record that a row was made from, its values as PostgreSQL was sent them."""
        values = dict(zip(self.names, row.split(TAB), strict=False))
        record: dict[str, object] = {}
        for column in self.columns:
            text = copytext.decode_field(values[column.name])
            if text is None:
                record[column.property_name] = None
            elif column.is_json:
                record[column.property_name] = msgspec.Raw(text.encode())
            else:
                record[column.property_name] = column.json_value(text)
        return record


def _decoder(stream: str, record: type, message: Sequence[Any]) -> msgspec.json.Decoder[list[Any]]:
    """Return a decoder of RECORD messages of one stream around this kind of record."""
    kinds = [("type", Literal["RECORD"]), ("stream", Literal[stream])]
    envelope = msgspec.defstruct("Envelope", [*kinds, ("record", record), *message], gc=False)
    return msgspec.json.Decoder(list[envelope])  # type: ignore[valid-type]


def _masked(row: bytes) -> bytes:
    """Return a row with the mask of its properties, which is null when it has all."""
    if ABSENT not in row:
        return row + TAB + NULL + NEWLINE
    mask = b"".join(b"0" if one == ABSENT else b"1" for one in row.split(TAB))
    return row.replace(ABSENT, NULL) + TAB + mask + NEWLINE
