"""The prepared statements of one table, and writes made with them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from cassandra.metadata import protect_name

from target_cassandra import values, wire
from target_cassandra.requests import Write
from target_cassandra.ring import routing_key, routing_key_bytes
from target_cassandra.values import PREFIX, UNSET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cassandra.query import PreparedStatement

    from target_cassandra.cluster import Connection
    from target_cassandra.layout import Layout
    from target_cassandra.rows import Row, Values

_CELL_BYTES = 20
_ROW_BYTES = 50
"""What a server adds to a cell's and a row's values when it measures a batch. It counts no
partition key."""
_TTL_BYTES = 12
"""What it adds to a row that expires."""

_TIMESTAMP_BYTES = 8

bigint = struct.Struct(">iq").pack
"""Makes a bigint: its first argument is the length, 8."""


class TableStatements:
    """How rows of one table are put, removed and read."""

    def __init__(self, connection: Connection, layout: Layout) -> None:
        spec = layout.spec
        self.partition_width = len(spec.partition_key)
        keyspace = protect_name(connection.settings.keyspace)
        table = f"{keyspace}.{protect_name(spec.table)}"
        seconds = spec.ttl_seconds
        seconds = connection.settings.ttl_seconds if seconds is None else seconds
        self.ttl = f" AND TTL {seconds}" if seconds else ""
        names = [protect_name(column.name) for column in layout.columns]
        key = [protect_name(name) for name in layout.key]
        where = " AND ".join(f"{name} = ?" for name in key)
        partition = " AND ".join(f"{name} = ?" for name in key[: self.partition_width])
        prepare = connection.session.prepare
        self._insert = Form(
            prepare(
                f"INSERT INTO {table} ({', '.join(names)}) "
                f"VALUES ({', '.join('?' * len(names))}) USING TIMESTAMP ?{self.ttl}"
            ),
            cells=len(names) - len(key),
            partition_width=self.partition_width,
            expires=bool(seconds),
        )
        self._delete = Form(
            prepare(f"DELETE FROM {table} USING TIMESTAMP ? WHERE {where}"),
            partition_width=self.partition_width,
        )
        self._delete_partition = Form(
            prepare(f"DELETE FROM {table} USING TIMESTAMP ? WHERE {partition}"),
            partition_width=self.partition_width,
        )
        self._key_width = len(key)
        self.select = prepare(f"SELECT {', '.join(names)} FROM {table} WHERE {where}")
        self._types = [kind for _, _, _, kind in self.select.result_metadata]

    def put(self, row: Row, timestamp: int, line: int) -> Write:
        """Return the write of a row; UNSET leaves a column as it is."""
        return self._insert.write([*row.values, bigint(8, timestamp)], row.partition, line)

    def values(self, write: Write) -> Values:
        """Return the values of a row that :meth:`put` made a write of."""
        *found, _ = self._insert.values(write)
        return found

    def remove(self, key: Sequence[bytes], timestamp: int, line: int) -> Write:
        """Return the removal of a row, or of a partition where that is all of the key given."""
        form = self._delete if len(key) == self._key_width else self._delete_partition
        partition = routing_key(tuple(key[: self.partition_width]))
        return form.write([bigint(8, timestamp), *key], partition, line)

    def encoded(self, row: Sequence[Any]) -> Values:
        """Return a row that was read as it is written; what it has not is left unset."""
        return [
            UNSET if value is None else values.wire(kind.to_binary(value, wire.PROTOCOL))
            for value, kind in zip(row, self._types, strict=True)
        ]


class Form:
    """A prepared statement as it stands in a batch, waiting for its values.

    ``cells`` says how many of them are none of the key.
    """

    def __init__(
        self,
        statement: PreparedStatement,
        *,
        partition_width: int = 1,
        cells: int = 0,
        expires: bool = False,
    ) -> None:
        # The driver prepares it again where a server has forgotten it, as long as somebody has it.
        self._statement = statement
        width = len(statement.column_metadata)
        self._begin = wire.begin(statement.query_id, width)
        added = _ROW_BYTES + _CELL_BYTES * cells + _TTL_BYTES * expires
        written = len(self._begin) + PREFIX * width + _TIMESTAMP_BYTES
        self._more = added - written + routing_key_bytes(partition_width)

    def write(self, given: Sequence[bytes], partition: bytes, line: int) -> Write:
        """Return the statement with values, each as :mod:`target_cassandra.values` makes it."""
        entry = b"".join((self._begin, *given))
        return Write(entry, self._more + len(entry) - len(partition), partition, line)

    def values(self, write: Write) -> Values:
        """Return the values that a write was made with."""
        return values.split(write.entry[len(self._begin) :])
