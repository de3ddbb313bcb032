"""`_sdc_loads` as the loader keeps it: each run's part of each stream, and what Python knows of it.

A stream's counts are written in the transaction of its rows, and are remembered here only once
that transaction is committed.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg


@dataclass
class StreamLoad:
    """One row of `_sdc_loads`."""

    run_id: str
    stream: str
    started_at: datetime
    rows_in: int = 0
    rows_inserted: int = 0
    rows_updated: int = 0
    rows_deleted: int = 0
    rows_rejected: int = 0
    rows_stale: int = 0
    first_lsn: int | None = None
    last_lsn: int | None = None
    finished_at: datetime | None = None

    def add(self, lsn: int | None = None, **counts: int) -> None:
        """Count what one record did; ``lsn`` is its version."""
        self.rows_in += 1
        for name, number in counts.items():
            setattr(self, name, getattr(self, name) + number)
        if lsn is not None:
            self.first_lsn = min(lsn, self.first_lsn or lsn)
            self.last_lsn = max(lsn, self.last_lsn or lsn)


class Run:
    """One run of a pipeline over a connection of the loader's, and its rows of `_sdc_loads`."""

    def __init__(
        self, connection: psycopg.Connection, schema: str, loads: list[StreamLoad]
    ) -> None:
        """Begin now; what is committed is added to ``loads``."""
        self.connection = connection
        self.run_id = str(uuid.uuid4())
        self.started_at = datetime.now(UTC)
        self._table = sql.Identifier(schema, "_sdc_loads")
        self._loads = loads
        self._now: dict[str, StreamLoad] = {}

    def stream(self, name: str) -> StreamLoad:
        """Return the row of a stream as the open transaction will leave it."""
        if name not in self._now:
            known = [each for each in self._committed() if each.stream == name]
            self._now[name] = (
                replace(known[0]) if known else StreamLoad(self.run_id, name, self.started_at)
            )
        return self._now[name]

    def finish(self, streams: Iterable[str]) -> None:
        """Say that the run has brought all there is of ``streams``."""
        finished_at = datetime.now(UTC)
        for name in streams:
            self.stream(name).finished_at = finished_at

    def write(self) -> None:
        """Write the counts into the open transaction."""
        for load in self._now.values():
            row = asdict(load)
            added = [name for name in row if name not in ("run_id", "stream", "started_at")]
            self.connection.execute(
                sql.SQL(
                    "insert into {} ({}) values ({}) on conflict (run_id, stream) do update set {}"
                ).format(
                    self._table,
                    sql.SQL(", ").join(map(sql.Identifier, row)),
                    sql.SQL(", ").join(sql.Placeholder() * len(row)),
                    sql.SQL(", ").join(
                        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in added
                    ),
                ),
                list(row.values()),
            )

    def committed(self) -> None:
        """Remember what was written: its transaction is committed."""
        others = [each for each in self._loads if each not in self._committed()]
        kept = {each.stream: each for each in self._committed()} | self._now
        self._loads[:] = [*others, *kept.values()]
        self._now = {}

    def _committed(self) -> list[StreamLoad]:
        return [each for each in self._loads if each.run_id == self.run_id]
