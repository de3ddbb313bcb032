"""Where the rows of each key stand, in tables whose rows move when their record changes.

Beside such a table stands ``<table>__positions``: for each key of the stream the newest version
written, and the primary keys of all rows that may be there. It is written before the rows and
shrunk after, so whenever a load is cut off, it names every row there is, and the next load
removes those that should be gone.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cassandra.metadata import protect_name

from target_cassandra.layout import POSITIONS
from target_cassandra.ring import routing_key
from target_cassandra.rows import Row
from target_cassandra.statements import Form, bigint
from target_cassandra.values import NULL, PREFIX, UNSET, Unfit, split, wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_cassandra.cluster import Connection
    from target_cassandra.codec import Record
    from target_cassandra.requests import Requests, Write
    from target_cassandra.ring import Ring
    from target_cassandra.rows import RowPlan
    from target_cassandra.statements import TableStatements

_READ_AT_ONCE = 50
_LENGTH = struct.Struct(">i")

Key = tuple[bytes, ...]
"""A primary key's values, each as it goes over the wire."""


@dataclass(slots=True)
class Stored:
    """What is known of one key of the stream."""

    lsn: int
    keys: frozenset[Key]
    written_at: int


@dataclass(slots=True)
class Change:
    """What is to become of one key's rows."""

    entity: bytes
    lsn: int
    line: int
    rows: list[Row]
    stored: Stored | None

    @property
    def keys(self) -> frozenset[Key]:
        """Primary keys of the rows as they will be."""
        return frozenset(row.key for row in self.rows)

    @property
    def gone(self) -> frozenset[Key]:
        """Primary keys of rows to be removed."""
        return self.stored.keys - self.keys if self.stored else frozenset()


class Positions:
    """The rows of one table, by their stream's key."""

    def __init__(
        self, connection: Connection, plan: RowPlan, number: int, statements: TableStatements
    ) -> None:
        self._plan = plan
        self._number = number
        self._statements = statements
        keyspace = protect_name(connection.settings.keyspace)
        table = f"{keyspace}.{protect_name(plan.layout.spec.table + POSITIONS)}"
        ttl = statements.ttl
        prepare = connection.session.prepare
        self._select = prepare(
            f"SELECT entity, lsn, positions, WRITETIME(lsn) FROM {table} WHERE entity IN ?"
        )
        self._insert = Form(
            prepare(
                f"INSERT INTO {table} (entity, lsn, positions) VALUES (?, ?, ?) "
                f"USING TIMESTAMP ?{ttl}"
            ),
            cells=2,
            expires=bool(ttl),
        )

    def read(
        self, entities: Iterable[bytes], requests: Requests, ring: Ring
    ) -> dict[bytes, Stored]:
        """Ask for what is stored; the answer is whole once the requests are waited for."""
        found: dict[bytes, Stored] = {}

        def take(rows: Iterable[Any]) -> None:
            for entity, lsn, positions, written_at in rows:
                keys = frozenset(tuple(split(one)) for one in positions or ())
                found[entity] = Stored(lsn, keys, written_at)

        groups: dict[int, list[bytes]] = {}
        for entity in entities:
            group = groups.setdefault(ring.group(entity), [])
            group.append(entity)
            if len(group) == _READ_AT_ONCE:
                requests.read(self._select, [_list(map(wire, group))], group[0], take)
                group.clear()
        for group in groups.values():
            if group:
                requests.read(self._select, [_list(map(wire, group))], group[0], take)
        return found

    def read_rows(
        self,
        by_entity: Mapping[bytes, Sequence[Record]],
        stored: Mapping[bytes, Stored],
        requests: Requests,
    ) -> dict[bytes, list[Row]]:
        """Ask for the rows of keys whose first new record is partial."""
        found: dict[bytes, list[Row]] = {}
        for entity, records in by_entity.items():
            known = stored.get(entity)
            if known is None:
                continue
            first = next((one for one in records if one.lsn >= known.lsn), None)
            if first is None or first.parts[self._number].rows is not None:
                continue
            for key in known.keys:
                partition = routing_key(key[: self._statements.partition_width])

                def take(
                    rows: Iterable[Any],
                    entity: bytes = entity,
                    key: Key = key,
                    partition: bytes = partition,
                ) -> None:
                    for row in rows:
                        values = self._statements.encoded(row)
                        found.setdefault(entity, []).append(Row(key, partition, values))

                plain = [part[PREFIX:] for part in key]
                requests.read(self._statements.select, plain, partition, take)
        return found

    def changes(
        self,
        by_entity: Mapping[bytes, Sequence[Record]],
        stored: Mapping[bytes, Stored],
        rows: Mapping[bytes, list[Row]],
    ) -> tuple[list[Change], list[tuple[int, Unfit]]]:
        """Return what becomes of each key, and the records that cannot be stored.

        Records older than what is stored change nothing. The others are folded, the oldest first.
        """
        changes = []
        refused: list[tuple[int, Unfit]] = []
        for entity, records in by_entity.items():
            known = stored.get(entity)
            current = rows.get(entity, [])
            last = None
            for record in records:
                if known is not None and record.lsn < known.lsn:
                    continue
                parts = record.parts[self._number]
                try:
                    current = (
                        self._plan.completed(parts, current) if parts.rows is None else parts.rows
                    )
                except Unfit as unfit:
                    refused.append((record.line, unfit))
                    continue
                last = record
            if last is not None:
                changes.append(Change(entity, last.lsn, last.line, current, known))
        return changes, refused

    def announce(self, changes: Iterable[Change]) -> Iterable[Write]:
        """Yield what names every row that is or will be there."""
        for change in changes:
            known = change.stored
            if known is None:
                yield self._write(change, change.keys, 1)
            elif known.lsn != change.lsn or not change.keys <= known.keys:
                yield self._write(change, known.keys | change.keys, 1)

    def apply(self, changes: Iterable[Change]) -> Iterable[Write]:
        """Yield the rows, and the removal of those that are elsewhere by now."""
        for change in changes:
            for key in change.gone:
                yield self._statements.remove(key, change.lsn, change.line)
            there = change.stored.keys if change.stored else frozenset()
            for row in change.rows:
                # Where an older row may be, what the new one has not must not shine through.
                whole = _emptied(row) if row.key in there else row
                yield self._statements.put(whole, change.lsn, change.line)

    def settle(self, changes: Iterable[Change]) -> Iterable[Write]:
        """Yield what forgets the rows that were removed."""
        for change in changes:
            if change.gone:
                yield self._write(change, change.keys, 2)

    def _write(self, change: Change, keys: frozenset[Key], step: int) -> Write:
        # The clock of whoever wrote before may be ahead of ours.
        before = change.stored.written_at if change.stored else 0
        written_at = max(before, time.time_ns() // 1000) + step
        positions = _list(wire(b"".join(key)) for key in sorted(keys))
        return self._insert.write(
            [wire(change.entity), bigint(8, change.lsn), wire(positions), bigint(8, written_at)],
            change.entity,
            change.line,
        )


def _emptied(row: Row) -> Row:
    values = [NULL if value is UNSET else value for value in row.values]
    return Row(row.key, row.partition, values)


def _list(parts: Iterable[bytes]) -> bytes:
    found = list(parts)
    return b"".join((_LENGTH.pack(len(found)), *found))
