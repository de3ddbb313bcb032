"""Rows that never move: each is a write of its own, and timestamps put writes in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_cassandra.rows import Row, over

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_cassandra.batches import Table
    from target_cassandra.codec import Record
    from target_cassandra.requests import Write


class FixedRows:
    """What a batch writes into one such table, the ``number``-th of its stream.

    Cassandra settles two writes of one timestamp cell by cell, so those of one key and version
    are made one here. Writes are made while their values are still in a core's cache; what is
    kept of a record is its bytes as they are sent.
    """

    def __init__(self, table: Table, number: int) -> None:
        self._table = table
        self._number = number
        self._writes: dict[tuple[tuple[bytes, ...], int, bool], Write] = {}

    def add(self, records: Iterable[Record]) -> None:
        """Take what records have for this table, those that came first first."""
        writes, number, statements = self._writes, self._number, self._table.statements
        for record in records:
            lsn, is_delete = record.lsn, record.is_delete
            for row in record.parts[number].rows or ():
                at = (row.key, lsn, is_delete)
                if is_delete:
                    writes[at] = statements.remove(row.key, lsn, record.line)
                    continue
                if at in writes:
                    whole = over(statements.values(writes[at]), row.values)
                    row = Row(row.key, row.partition, whole)  # noqa: PLW2901 - the one that is kept
                writes[at] = statements.put(row, lsn, record.line)

    def writes(self) -> Iterable[Write]:
        """Return all writes.

        Neighbours in a partition come together, for the sake of the batches, where a partition
        has more than one row.
        """
        if self._table.plan.key_width > self._table.statements.partition_width:
            return sorted(self._writes.values(), key=lambda write: write.partition)
        return self._writes.values()
