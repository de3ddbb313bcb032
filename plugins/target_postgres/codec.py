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
    """What a block of lines gave."""

    chunk: Chunk
    deletes: int = 0
    lsns: list[int] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


@dataclass(slots=True)
class _Rows:
    """Rows on their way to COPY text: JSON tokens joined by tabs."""

    plain: list[bytes] = field(default_factory=list)
    json: list[bytes] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
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
        self._odd = OddLines(self.columns, null_character)
        self._nameable = not any(unnameable(column.name) for column in columns)
        if self._nameable:
            self._build_decoders(stream)

    def _build_decoders(self, stream: str) -> None:
        names = {f"f{index}": column.name for index, column in enumerate(self.columns)}
        field_of = {name: attribute for attribute, name in names.items()}
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
        self._typed = _decoder(stream, msgspec.defstruct("Typed", typed, rename=names, gc=False))
        self._raw = _decoder(stream, msgspec.defstruct("Raw", raw, rename=names, gc=False))

    def encode(self, lines: Sequence[bytes], first_line: int, stamp: bytes) -> Encoded:
        """Validate and encode RECORD lines; ``stamp`` is the fields that all rows share.

        No line may be blank. A record that is not valid comes back as a fault; a line that is
        no message raises :class:`~target_postgres.errors.MessageError`.
        """
        rows = _Rows()
        faults: list[Fault] = []
        if self._decode(lines, rows):
            rows.lines = list(range(first_line, first_line + len(lines)))
        else:
            for number, line in enumerate(lines, first_line):
                if self._decode([line], rows):
                    rows.lines.append(number)
                    continue
                found = self._odd.read(line, number)
                if isinstance(found, OddRow):
                    self._append(found, rows)
                    rows.lines.append(number)
                else:
                    faults += found
        return Encoded(self._chunk(rows, stamp), rows.deletes, rows.lsns, faults)

    def _decode(self, lines: Sequence[bytes], rows: _Rows) -> bool:
        """Add the rows of ``lines`` if all of them are valid; else add none and say so."""
        if not self._nameable:
            return False
        # As one array: a cut line cannot run on into the next one.
        block = b"[" + b",".join(lines) + b"]"
        if b"\\u0000" in block and self.null_character is NullCharacter.FAIL:
            return False
        try:
            typed = self._typed.decode(block)
            if len(typed) != len(lines):
                return False
            if b"\t" in block or b"\r" in block:
                # Valid JSON has them between tokens only; between fields they mean something.
                block = block.translate(_TO_SPACES)
            raw = self._raw.decode(block)
        except _DECODE_ERRORS:
            return False
        plain_count, join = self._plain_count, TAB.join
        if self.with_metadata:
            rows.plain += [
                join((*astuple(one.record)[:plain_count], one.time_extracted, one.version))
                for one in raw
            ]
        else:
            rows.plain += [join(astuple(one.record)[:plain_count]) for one in raw]
        if self._has_json:
            rows.json += [join(astuple(one.record)[plain_count:]) for one in raw]
        if (name := self._lsn_field) is not None:
            found = [getattr(one.record, name) for one in typed]
            rows.lsns += [lsn for lsn in found if lsn is not None]
        if (name := self._deleted_field) is not None:
            rows.deletes += sum(getattr(one.record, name) is not None for one in typed)
        return True

    def _append(self, row: OddRow, rows: _Rows) -> None:
        plain = row.tokens[: self._plain_count]
        rows.plain.append(TAB.join([*plain, *row.message] if self.with_metadata else plain))
        if self._has_json:
            rows.json.append(TAB.join(row.tokens[self._plain_count :]))
        rows.lsns += row.lsns
        rows.deletes += row.is_delete

    def _chunk(self, rows: _Rows, stamp: bytes) -> Chunk:
        if not rows.plain:
            return Chunk(b"", [])
        plain = copytext.plain_block(rows.plain, self.null_character)
        fields = plain.split(NEWLINE)
        mixed = ABSENT in plain
        if self._has_json:
            json = copytext.json_block(rows.json, self.null_character)
            mixed = mixed or ABSENT in json
            after = TAB if self._plain_count or self.with_metadata else b""
            pairs = zip(fields, json.split(NEWLINE), strict=True)
            fields = [left + after + right for left, right in pairs]
        tail = TAB + stamp if self.with_metadata else b""
        if mixed:
            present = b"1" * len(metadata.BLOCK_COLUMNS) if self.with_metadata else b""
            fields = [_masked(row, tail, present) for row in fields]
            tail = b""
        tail += NEWLINE
        return Chunk(tail.join(fields) + tail, rows.lines, mixed)

    def record_of(self, row: bytes) -> dict[str, object]:
        """Return the record that a row was made from, its values as PostgreSQL was sent them."""
        values = dict(zip(self.names, row.split(TAB), strict=False))
        record: dict[str, object] = {}
        for column in self.columns:
            text = copytext.decode_field(values[column.name])
            if text is None:
                record[column.name] = None
            elif column.is_json:
                record[column.name] = msgspec.Raw(text.encode())
            else:
                record[column.name] = column.json_value(text)
        return record


def _decoder(stream: str, record: type) -> msgspec.json.Decoder[list[Any]]:
    """Return a decoder of RECORD messages of one stream around this kind of record."""
    typed = record.__name__ == "Typed"
    envelope = msgspec.defstruct(
        "Envelope",
        [
            ("type", Literal["RECORD"]),
            ("stream", Literal[stream]),  # type: ignore[valid-type]
            ("record", record),
            _message_field("time_extracted", metadata.MESSAGE_TYPES[0], typed=typed),
            _message_field("version", metadata.MESSAGE_TYPES[1], typed=typed),
        ],
        gc=False,
    )
    return msgspec.json.Decoder(list[envelope])  # type: ignore[valid-type]


def _message_field(name: str, validates: Any, *, typed: bool) -> tuple[str, Any, Any]:
    return (name, validates | None, None) if typed else (name, msgspec.Raw, msgspec.Raw(NULL))


def _masked(row: bytes, tail: bytes, present: bytes) -> bytes:
    """Return a row with the mask of its properties, which is null when it has all."""
    if ABSENT not in row:
        return row + tail + TAB + NULL
    mask = b"".join(b"0" if one == ABSENT else b"1" for one in row.split(TAB))
    return row.replace(ABSENT, NULL) + tail + TAB + mask + present
