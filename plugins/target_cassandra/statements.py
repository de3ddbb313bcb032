"""The prepared statements of one table, and writes made with them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from cassandra.metadata import protect_name
from cassandra.query import UNSET_VALUE

from target_cassandra.requests import Write
from target_cassandra.ring import routing_key
from target_cassandra.wire import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_cassandra.cluster import Connection
    from target_cassandra.layout import Layout
    from target_cassandra.rows import Row, Values

_BIGINT = struct.Struct(">q")


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
        self._insert = prepare(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "
            f"USING TIMESTAMP ?{self.ttl}"
        )
        self._delete = prepare(f"DELETE FROM {table} USING TIMESTAMP ? WHERE {where}")
        self._delete_partition = prepare(f"DELETE FROM {table} USING TIMESTAMP ? WHERE {partition}")
        self._key_width = len(key)
        self.select = prepare(f"SELECT {', '.join(names)} FROM {table} WHERE {where}")
        self._types = [kind for _, _, _, kind in self.select.result_metadata]

    def put(self, row: Row, timestamp: int, line: int) -> Write:
        """Return the write of a row; UNSET leaves a column as it is."""
        return Write(self._insert, [*row.values, _BIGINT.pack(timestamp)], row.partition, line)

    def remove(self, key: Sequence[bytes], timestamp: int, line: int) -> Write:
        """Return the removal of a row, or of a partition where that is all of the key given."""
        statement = self._delete if len(key) == self._key_width else self._delete_partition
        partition = routing_key(tuple(key[: self.partition_width]))
        return Write(statement, [_BIGINT.pack(timestamp), *key], partition, line)

    def encoded(self, row: Sequence[Any]) -> Values:
        """Return a row that was read as it is written; what it has not is left unset."""
        return [
            UNSET_VALUE if value is None else kind.to_binary(value, PROTOCOL)
            for value, kind in zip(row, self._types, strict=True)
        ]
