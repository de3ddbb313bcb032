"""``_sdc_loads``: what each run brought to each stream, kept in the same database.

A stream's row is written in the transaction of its rows, so it always agrees with the table;
the STATE in it is the one that the transaction made durable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from psycopg import sql

from target_postgres import tables
from target_postgres.columns import column

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    import psycopg

    from target_postgres.batches import Batch, Progress
    from target_postgres.merge import Counts

NAME = "_sdc_loads"

_TEXT = {"type": "string"}
_COUNT = {"type": "integer"}
_TIME = {"type": "string", "format": "date-time"}
_COUNTS = (
    "rows_in",
    "rows_inserted",
    "rows_updated",
    "rows_deleted",
    "rows_rejected",
    "rows_stale",
)
_COLUMNS = {
    "run_id": _TEXT,
    "stream": _TEXT,
    **dict.fromkeys(_COUNTS, _COUNT),
    "first_lsn": _COUNT,
    "last_lsn": _COUNT,
    "started_at": _TIME,
    "finished_at": _TIME,
    "state": {},
}


class Loads:
    """The rows of one run."""

    def __init__(self, schema: str, run_id: str) -> None:
        self._schema = schema
        self._run_id = run_id
        table = sql.Identifier(schema, NAME)
        values = sql.SQL(", ").join(map(sql.Placeholder, _COLUMNS))
        added = [
            sql.SQL("{0} = loads.{0} + excluded.{0}").format(sql.Identifier(name))
            for name in _COUNTS
        ]
        self._record = sql.SQL(
            """
            insert into {table} as loads ({names}) values ({values})
            on conflict (run_id, stream) do update set
                {added},
                first_lsn = least(loads.first_lsn, excluded.first_lsn),
                last_lsn = greatest(loads.last_lsn, excluded.last_lsn),
                finished_at = excluded.finished_at,
                state = coalesce(excluded.state, loads.state)
            returning rows_in
            """
        ).format(
            table=table,
            names=sql.SQL(", ").join(map(sql.Identifier, _COLUMNS)),
            values=values,
            added=sql.SQL(", ").join(added),
        )
        self._rows_in = sql.SQL("select rows_in from {} where run_id = %s and stream = %s").format(
            table
        )

    def prepare(self, connection: psycopg.Connection) -> None:
        """Make the table unless it is there."""
        columns = [column(name, schema) for name, schema in _COLUMNS.items()]
        tables.prepare(connection, self._schema, NAME, columns, ("run_id", "stream"))

    def record(
        self,
        connection: psycopg.Connection,
        batch: Batch,
        counts: Counts,
        progress: Progress,
        state: dict[str, Any],
    ) -> int:
        """Add one batch to its stream's row; returns the records received so far."""
        return self._write(
            connection,
            batch.stream.name,
            progress.started_at,
            state,
            rows_in=batch.rows,
            rows_inserted=counts.inserted,
            rows_updated=counts.updated,
            rows_deleted=counts.deleted,
            rows_rejected=counts.rejected,
            rows_stale=counts.stale,
            first_lsn=batch.first_lsn,
            last_lsn=batch.last_lsn,
        )

    def finish(
        self,
        connection: psycopg.Connection,
        streams: Iterable[tuple[str, Progress]],
        finished_at: dt.datetime,
        state: dict[str, Any],
    ) -> None:
        """Say that streams have had all their rows, also those that had none."""
        for name, progress in sorted(streams, key=lambda pair: pair[0]):
            self._write(connection, name, progress.started_at, state, finished_at=finished_at)

    def rows_in(self, connection: psycopg.Connection, stream: str) -> int:
        """Return the records that the database says this run has brought to ``stream``."""
        row = connection.execute(self._rows_in, (self._run_id, stream)).fetchone()
        return int(row[0]) if row else 0

    def _write(
        self,
        connection: psycopg.Connection,
        stream: str,
        started_at: dt.datetime,
        state: dict[str, Any],
        **values: object,
    ) -> int:
        row = dict.fromkeys(_COLUMNS) | dict.fromkeys(_COUNTS, 0) | values
        row |= {"run_id": self._run_id, "stream": stream, "started_at": started_at}
        row["state"] = msgspec.json.encode(state).decode() if state else None
        written = connection.execute(self._record, row).fetchone()
        return int(written[0]) if written else 0
