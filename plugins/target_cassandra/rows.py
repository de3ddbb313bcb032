"""What a record means for one table: encoded values, and the rows that they make.

A record gives the values it holds itself and, in a table that explodes an array, those of each
element. A value that the record does not have is UNSET: such a record is partial, and what the
table holds already fills the gaps.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from target_cassandra import values
from target_cassandra.errors import TableConfigError
from target_cassandra.layout import DELETED_AT, EXTRACTED_AT, TABLE_VERSION
from target_cassandra.ring import routing_key
from target_cassandra.values import NULL, PREFIX, UNSET, Unfit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_cassandra.layout import Column, Layout
    from target_cassandra.settings import NullHandling
    from target_cassandra.values import Shape, UserTypes

LONGEST_KEY_BYTES = 65_535
LARGEST_ROW_BYTES = 8 * 1024 * 1024
"""Half of what a server with its own settings takes in one write."""

_OF_MESSAGE = {TABLE_VERSION: "version", EXTRACTED_AT: "time_extracted"}
"""Where in a message columns have their values from that no record has."""

_NO_TEXT = msgspec.Raw(b"")
"""What a document is that is not there."""

Values = list[bytes]
"""One for each column of a table, as it goes over the wire: NULL, UNSET or a value."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """One row to be written."""

    key: tuple[bytes, ...]
    partition: bytes
    values: Values


class Parts(msgspec.Struct, frozen=True, gc=False):
    """What a record has for one table."""

    record: Values
    elements: list[Values] | None
    """What each element of an exploded array adds; None if the record lacks the array."""
    rows: list[Row] | None
    """The rows that it makes by itself; None if it lacks part of a key that may be stored."""


class _Source(NamedTuple):
    """Where one column's values come from."""

    at: int
    """The column's place in a row."""
    found: int
    """The property's place in what is decoded."""
    encode: Callable[[Any], bytes]
    null: bytes
    absent: bytes | None
    """What stands for a property that is not there; None leaves the column as it is."""
    name: str


class _Filler:
    """Puts what a record, or an element of it, has into a row."""

    def __init__(self, sources: Sequence[_Source], width: int) -> None:
        self._sources = sources
        self._places = [one.at for one in sources]
        self.is_whole = self._places == list(range(width))
        """Whether it puts in every value of a row, in their order."""
        self.make = values.maker([(one.found, one.encode, one.null) for one in sources])
        """Makes the values it puts in; raises Unfit unless all are there, and fit."""

    def fill(self, row: Values, given: Sequence[Any]) -> bool:
        """Set values of a row; returns whether the column of some is left as it is.

        Raises:
            Unfit: a value does not fit its column.
        """
        try:
            # Most records have all properties, and values that fit.
            made = self.make(given)
        except Unfit:
            return self._fill_singly(row, given)
        for at, value in zip(self._places, made, strict=True):
            row[at] = value
        return False

    def _fill_singly(self, row: Values, given: Sequence[Any]) -> bool:
        lacks = False
        for one in self._sources:
            value = given[one.found]
            if value is None:
                row[one.at] = one.null
            elif value is msgspec.UNSET or value == _NO_TEXT:
                if one.absent is None:
                    lacks = True
                else:
                    row[one.at] = one.absent
            else:
                try:
                    row[one.at] = one.encode(value)
                except Unfit as unfit:
                    unfit.path = one.name
                    raise
        return lacks


class RowPlan:
    """How records of a stream become rows of one table.

    ``types`` are the table's column types as they are; ``shapes`` say in which order and as what
    a record's properties are decoded.
    """

    def __init__(
        self,
        layout: Layout,
        types: Mapping[str, str],
        user_types: UserTypes,
        shapes: Mapping[str, Shape],
        *,
        nulls: NullHandling,
        soft: bool,
    ) -> None:
        self.layout = layout
        self._null = NULL if nulls == "null" else UNSET
        self._soft = soft
        names = list(shapes)
        self._explode = names.index(layout.spec.explode) if layout.spec.explode else None
        element: list[str] = []
        if layout.spec.explode is not None and (items := shapes[layout.spec.explode].items):
            element = [name for name, _ in items.fields]
        record: list[_Source] = []
        elements: list[_Source] = []
        self._message: list[tuple[int, str, Any]] = []
        for at, column in enumerate(layout.columns):
            if column.origin == "message":
                encode = values.encoder(column.shape, types[column.name], user_types)
                self._message.append((at, _OF_MESSAGE[column.source], encode))
                continue
            own = column.origin == "record"
            found = (names if own else element).index(column.source)
            # A derived column is made before it is encoded.
            given = shapes[column.source] if own and column.unit is None else column.shape
            null = self._when_null(column, types[column.name], user_types)
            encode = _encoder(column, given, types[column.name], user_types, null)
            null_of_absent = null if soft and column.name == DELETED_AT else None
            (record if own else elements).append(
                _Source(at, found, encode, null, null_of_absent, column.name)
            )
        self.width = len(layout.columns)
        self.key_width = len(layout.key)
        self._partition_width = len(layout.spec.partition_key)
        self._record = _Filler(record, self.width)
        self._element = _Filler(elements, self.width)
        self._of_record = [one.at for one in record] + [at for at, _, _ in self._message]

    def _when_null(self, column: Column, cql: str, user_types: UserTypes) -> Any:
        """Return what is written for a null of this column."""
        if column.name in self.layout.spec.when_null:
            given = values.encoder(column.shape, cql, user_types)
            text = msgspec.json.encode(self.layout.spec.when_null[column.name])
            try:
                value = msgspec.json.decode(text, type=column.shape.decoded)
                return given(value) if given else self._null
            except (msgspec.DecodeError, Unfit) as error:
                raise TableConfigError(
                    f"setting 'tables': table {self.layout.spec.table!r} has a when_null for "
                    f"{column.name!r} that is no {cql}: {error}"
                ) from None
        # A row that was marked as deleted is there again when a record without the mark comes.
        return NULL if self._soft and column.name == DELETED_AT else self._null

    def parts(self, record: Sequence[Any], message: Any, *, is_delete: bool) -> Parts:
        """Return what a record has for this table; ``message`` is the one that brought it.

        Raises:
            Unfit: a value does not fit its column.
        """
        if self._record.is_whole and not is_delete:
            try:
                own = self._record.make(record)
            except Unfit:
                pass
            else:
                elements = [own]
                return Parts(own, elements, [self.row(own)])
        own = [UNSET] * self.width
        lacks = self._record.fill(own, record)
        for at, source, encode in self._message:
            value = getattr(message, source)
            if value is not None:
                own[at] = encode(value)
        if is_delete:
            return self._deletion(own)
        if self._explode is None:
            elements = [own]
        else:
            array = record[self._explode]
            if array is msgspec.UNSET:
                return Parts(own, None, None)
            elements = [self._exploded(own, at, one) for at, one in enumerate(array or ())]
        if lacks and self.layout.moves:
            return Parts(own, elements, None)
        return Parts(own, elements, self.rows(elements))

    def _deletion(self, own: Values) -> Parts:
        """Return what removes a row: where keys cannot change, the key itself."""
        if self.layout.moves:
            return Parts(own, None, [])
        is_whole = self.layout.spec.delete == "partition"
        key = self.partition_key(own) if is_whole else self.key(own)
        row = Row(key, routing_key(key[: self._partition_width]), own)
        return Parts(own, [own], [row])

    def _exploded(self, own: Values, at: int, element: Any) -> Values:
        where = f"{self.layout.spec.explode}[{at}]"
        if element is None:
            raise _at(Unfit("type", "null where an object must be"), where)
        row = own.copy()
        try:
            self._element.fill(row, msgspec.structs.astuple(element))
        except Unfit as unfit:
            raise _at(unfit, f"{where}.{unfit.path}") from None
        return row

    def rows(self, elements: Sequence[Values]) -> list[Row]:
        """Return rows, of which none lacks anything of its key; the last of a key stays.

        Raises:
            Unfit: part of a key is missing, empty or too long, or a row is too large.
        """
        if len(elements) == 1:
            return [self.row(elements[0])]
        found = [self.row(one) for one in elements]
        return list({row.key: row for row in found}.values())

    def row(self, row: Values) -> Row:
        """Return a row; raises Unfit as :meth:`rows` does."""
        key = self.key(row)
        size = sum(map(len, row)) - PREFIX * self.width
        if size > LARGEST_ROW_BYTES:
            longest = self.layout.columns[max(range(self.width), key=lambda at: len(row[at]))].name
            message = f"a row of {size} bytes is more than {LARGEST_ROW_BYTES}"
            raise _at(Unfit("size", message), longest)
        return Row(key, routing_key(key[: self._partition_width]), row)

    def key(self, row: Values) -> tuple[bytes, ...]:
        """Return the primary key of a row; raises Unfit as :meth:`rows` does."""
        key = tuple(row[: self.key_width])
        for part in key:
            if not PREFIX < len(part) <= LONGEST_KEY_BYTES:
                self._check_singly(key)
        if self._partition_width == 1:
            return key
        partition = key[: self._partition_width]
        if sum(map(len, partition)) - len(partition) > LONGEST_KEY_BYTES + 3:
            raise _at(
                Unfit("size", f"a partition key has {LONGEST_KEY_BYTES} bytes at the most"),
                self.layout.columns[0].name,
            )
        return key

    def _check_singly(self, key: Sequence[bytes]) -> None:
        for at, part in enumerate(key):
            size = len(part) - PREFIX
            if part is NULL or part is UNSET:
                message = f"missing, and part of the key of table {self.layout.spec.table!r}"
                raise _at(Unfit("required", message), self.layout.columns[at].name)
            if not size and at < self._partition_width:
                raise _at(
                    Unfit("empty", "empty, and part of a partition key"),
                    self.layout.columns[at].name,
                )
            if size > LONGEST_KEY_BYTES:
                message = f"{size} bytes, and a key has {LONGEST_KEY_BYTES} at the most"
                raise _at(Unfit("size", message), self.layout.columns[at].name)

    def partition_key(self, row: Values) -> tuple[bytes, ...]:
        """Return the partition key of a row that may lack the rest of its key."""
        filler = [values.wire(b"\x00")] * (self.key_width - self._partition_width)
        return self.key([*row[: self._partition_width], *filler])[: self._partition_width]

    def completed(self, parts: Parts, base: Sequence[Row]) -> list[Row]:
        """Return the rows of a partial record, its gaps filled from the rows before it.

        Raises:
            Unfit: as :meth:`rows` does.
        """
        if parts.elements is None:
            return self.rows([over(row.values, parts.record) for row in base])
        if not base:
            return self.rows(parts.elements)
        whole: Values = [UNSET] * self.width
        for at in self._of_record:
            whole[at] = base[0].values[at]
        return self.rows([over(whole, one) for one in parts.elements])


def over(base: Values, row: Values) -> Values:
    """Return the values of a row, what it lacks taken from ``base``."""
    return [old if new is UNSET else new for old, new in zip(base, row, strict=True)]


def _encoder(
    column: Column, given: Shape, cql: str, user_types: UserTypes, null: bytes
) -> Callable[[Any], bytes]:
    encode = values.encoder(given, cql, user_types)
    if encode is None:
        raise TypeError(f"{column.name}: tables.prepare has looked")
    if given.decoded is msgspec.Raw:
        return lambda value: _document(value, encode, null)
    if column.unit == "day":
        return lambda value: encode(_utc(value))
    if column.unit == "month":
        return lambda value: encode(_utc(value).isoformat()[:7])
    return encode


def _document(value: msgspec.Raw, encode: Callable[[Any], bytes], null: bytes) -> bytes:
    """Return JSON text as it is stored; it was not decoded, so a null is still text."""
    text = bytes(value)
    if not text:
        return values.absent()
    return null if text == b"null" else encode(value)


def _utc(value: dt.date) -> dt.date:
    """Return the day of a time in UTC, or of a date."""
    if not isinstance(value, dt.datetime):
        return value
    return (value if value.tzinfo is None else value.astimezone(dt.UTC)).date()


def _at(unfit: Unfit, name: str) -> Unfit:
    unfit.path = name
    return unfit
