"""ACTIVATE_VERSION: rows of older versions of a table go, found by a scan of its token ranges."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from cassandra.metadata import protect_name

from target_cassandra import values
from target_cassandra.layout import TABLE_VERSION
from target_cassandra.wire import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_cassandra.cluster import Connection
    from target_cassandra.requests import Requests, Write
    from target_cassandra.rows import RowPlan
    from target_cassandra.statements import TableStatements

_SMALLEST = -(2**63)
_RANGES = 64
"""At least so many parts: each query reads little, wherever it is cut off."""


class Versions:
    """The rows of one table by the version that they were written in."""

    def __init__(self, connection: Connection, plan: RowPlan, statements: TableStatements) -> None:
        self._connection = connection
        self._statements = statements
        self._width = plan.key_width
        layout = plan.layout
        column = next(one.name for one in layout.columns if one.source == TABLE_VERSION)
        table = f"{protect_name(connection.settings.keyspace)}.{protect_name(layout.spec.table)}"
        key = ", ".join(protect_name(name) for name in layout.key)
        token = f"token({', '.join(protect_name(name) for name in layout.spec.partition_key)})"
        version = protect_name(column)
        self._scan = connection.session.prepare(
            f"SELECT {key}, {version}, WRITETIME({version}) FROM {table} "
            f"WHERE {token} > ? AND {token} <= ?"
        )
        self._types = [kind for _, _, _, kind in self._scan.result_metadata][: self._width]

    def older_than(self, version: int, requests: Requests) -> Iterator[Write]:
        """Yield the removal of each row that is not of ``version`` or later."""
        for low, high in self._ranges():
            for row in requests.rows(self._scan, (low, high)):
                *key, found, written_at = row
                if found is not None and found >= version:
                    continue
                # As old as the row itself: a newer record of it stays, or brings it back.
                at = time.time_ns() // 1000 if written_at is None else written_at
                yield self._statements.remove(self._encoded(key), at, 0)

    def _encoded(self, key: list[Any]) -> list[bytes]:
        return [
            values.wire(kind.to_binary(one, PROTOCOL))
            for one, kind in zip(key, self._types, strict=True)
        ]

    def _ranges(self) -> Iterator[tuple[int, int]]:
        """Yield parts of the ring, none of which crosses from one owner to the next."""
        tokens = {token.value for token in self._connection.metadata.token_map.ring}
        step = 2**64 // _RANGES
        cuts = sorted(tokens | set(range(_SMALLEST, -_SMALLEST, step)))
        yield from zip(cuts, [*cuts[1:], -_SMALLEST - 1], strict=True)


def keeps_version(plan: RowPlan) -> bool:
    """Tell whether a table has the column that this needs."""
    return any(column.source == TABLE_VERSION for column in plan.layout.columns)
