"""What a delete does to its row: marks it, removes it for good, or nothing.

A row that is removed can no longer refuse older versions of itself, so its key and version stay
in ``_sdc_tombstones`` and refuse them instead, for a retention.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from psycopg import sql

from target_postgres import metadata, tables
from target_postgres.columns import column
from target_postgres.errors import EmptyVersionError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg

    from target_postgres.tables import Table

NAME = "_sdc_tombstones"

BLOCKS_AT_ONCE = 4096
"""Blocks of a table, of 8 KiB, that one transaction of an activation goes through."""

_COLUMNS = {
    "stream": {"type": "string"},
    "key": {"type": "array"},
    "lsn": {"type": "integer"},
    "deleted_at": {"type": "string", "format": "date-time"},
}
_LSN = sql.Identifier(metadata.LSN)
_DELETED_AT = sql.Identifier(metadata.DELETED_AT)
_LOWEST = sql.SQL("'-9223372036854775808'::bigint")
"""The version of a row without one."""


class DeleteMode(StrEnum):
    """What becomes of the row that a delete names."""

    SOFT = "soft"
    HARD = "hard"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Activation:
    """An ACTIVATE_VERSION message: rows of versions before ``version`` are gone."""

    version: int
    reason: str | None
    """Why there may be no row of this version, such as ``collection_dropped``."""


def prepare(connection: psycopg.Connection, schema: str) -> None:
    """Make the table of tombstones unless it is there."""
    columns = [column(name, shape) for name, shape in _COLUMNS.items()]
    tables.prepare(connection, schema, NAME, columns, ("stream", "key"))


def prune(connection: psycopg.Connection, schema: str, days: float) -> None:
    """Forget tombstones that are older than the retention."""
    connection.execute(
        sql.SQL("delete from {} where deleted_at < now() - make_interval(secs => %s)").format(
            sql.Identifier(schema, NAME)
        ),
        (days * 86_400,),
    )


class HardDeletes:
    """Applies the deletes among staged rows of one table, and keeps its tombstones.

    ``staged`` is the table that holds the rows of a batch in their order of arrival.
    """

    def __init__(self, table: Table, staged: sql.Identifier) -> None:
        self._has_lsn = _has_lsn(table)
        tombstones = sql.Identifier(table.schema, NAME)
        stream = sql.Literal(table.name)
        keys = _names(table.keys)
        self._any = sql.SQL("select exists (select from {} where stream = {})").format(
            tombstones, stream
        )
        self._drop_buried = sql.SQL(
            """
            delete from {staged} as staged using {tombstones} as buried
            where buried.stream = {stream} and buried.key = jsonb_build_array({keys})
                and coalesce(staged.{lsn} < buried.lsn, true)
            """
        ).format(
            staged=staged,
            tombstones=tombstones,
            stream=stream,
            keys=sql.SQL(", ").join(sql.Identifier("staged", key) for key in table.keys),
            lsn=_LSN,
        )
        version: sql.Composable = _LOWEST
        if self._has_lsn:
            version = sql.SQL("coalesce(staged.{}, {})").format(_LSN, _LOWEST)
        self._apply = sql.SQL(
            """
            with latest as (
                select distinct on ({keys}) {keys}, {version} as _sdc_lsn, ctid as _sdc_arrival
                from {staged} as staged where {deleted} is not null
                order by {keys}, {version} desc, ctid desc
            ), removed as (
                delete from {table} as stored using latest where {stored_key} returning 1
            ), passed as (
                delete from {staged} as staged using latest
                where {staged_key}
                    and ({version}, staged.ctid) <= (latest._sdc_lsn, latest._sdc_arrival)
                returning 1
            ), buried as ({bury})
            select (select count(*) from removed), (select count(*) from passed)
            """
        ).format(
            keys=keys,
            version=version,
            staged=staged,
            deleted=_DELETED_AT,
            table=table.identifier,
            stored_key=table.same_key("stored", "latest"),
            staged_key=table.same_key("staged", "latest"),
            bury=_bury(table, "latest"),
        )

    def has_tombstones(self, connection: psycopg.Connection) -> bool:
        """Tell whether some row of the table has been removed within the retention."""
        return self._has_lsn and connection.execute(self._any).fetchone() == (True,)

    def drop_buried(self, connection: psycopg.Connection) -> int:
        """Remove staged rows older than the removal of their key; returns how many there were."""
        if not self.has_tombstones(connection):
            return 0
        return connection.execute(self._drop_buried).rowcount

    def apply(self, connection: psycopg.Connection) -> tuple[int, int]:
        """Remove rows that staged deletes name, and what is staged of each key up to its last.

        No staged row may be stale. Returns how many rows the table lost, and how many staged
        ones are done with; what is left of such a key is newer, and begins a new row.
        """
        removed, passed = connection.execute(self._apply).fetchone() or (0, 0)
        return int(removed), int(passed)


class Activator:
    """Deletes rows of versions before the active one, a part of the table at a time."""

    def __init__(self, table: Table, activation: Activation, mode: DeleteMode) -> None:
        self._table = table
        self._activation = activation
        older = sql.SQL("coalesce({} < {}, true)").format(
            sql.Identifier(metadata.TABLE_VERSION), sql.Literal(activation.version)
        )
        here = sql.SQL("ctid >= %(first)s::tid and ctid < %(end)s::tid and ")
        if mode is DeleteMode.HARD:
            self._is_gone = older
            self._delete = sql.SQL(
                "with removed as (delete from {table} where {gone} returning *), buried as ({bury})"
                " select count(*) from removed"
            ).format(table=table.identifier, gone=here + older, bury=_bury(table, "removed"))
        else:
            self._is_gone = sql.SQL("{} is null and ").format(_DELETED_AT) + older
            self._delete = sql.SQL(
                "with marked as ("
                "update {table} set {deleted} = now(), {batched} = %(now)s where {gone} returning 1"
                ") select count(*) from marked"
            ).format(
                table=table.identifier,
                deleted=_DELETED_AT,
                # Whoever looks for what a load changed looks here (docs/interfaces.md).
                batched=sql.Identifier(metadata.BATCHED_AT),
                gone=here + self._is_gone,
            )

    def blocks(self, connection: psycopg.Connection) -> int:
        """Return how many blocks the table has.

        Raises :class:`EmptyVersionError` when every row would be deleted, and no reason was
        given why there is none of the active version: its sync has probably brought nothing.
        """
        row = connection.execute(
            sql.SQL(
                """
                select
                    pg_relation_size(to_regclass({name})) / current_setting('block_size')::int,
                    exists (select from {table} where {gone})
                        and not exists (select from {table} where {version} >= {active})
                """
            ).format(
                name=sql.Literal(self._table.identifier.as_string(connection)),
                table=self._table.identifier,
                gone=self._is_gone,
                version=sql.Identifier(metadata.TABLE_VERSION),
                active=sql.Literal(self._activation.version),
            )
        ).fetchone()
        blocks, would_empty = row or (0, False)
        if would_empty and self._activation.reason is None:
            raise EmptyVersionError(
                f"ACTIVATE_VERSION {self._activation.version} would delete every row of "
                f"{self._table.title}, for the table has none of that version; if the source is "
                "empty, its tap must give a reason in the message, else mend the tap and run again"
            )
        return int(blocks)

    def delete(self, connection: psycopg.Connection, first: int) -> int:
        """Delete what is older in the blocks from ``first`` on; returns how many rows it was."""
        between = {
            "first": f"({first},0)",
            "end": f"({first + BLOCKS_AT_ONCE},0)",
            "now": dt.datetime.now(dt.UTC),
        }
        row = connection.execute(self._delete, between).fetchone()
        return int(row[0]) if row else 0


def _bury(table: Table, source: str) -> sql.Composable:
    """Return the statement that keeps tombstones of the rows of ``source``, if they have any."""
    if not (table.keys and _has_lsn(table)):
        return sql.SQL("select")
    return sql.SQL(
        """
        insert into {tombstones} as known (stream, key, lsn, deleted_at)
        select {stream}, jsonb_build_array({keys}), {lsn}, now()
        from {source} where {lsn} > {lowest}
        on conflict (stream, key) do update
            set lsn = excluded.lsn, deleted_at = excluded.deleted_at
            where excluded.lsn >= known.lsn
        """
    ).format(
        tombstones=sql.Identifier(table.schema, NAME),
        stream=sql.Literal(table.name),
        keys=_names(table.keys),
        lsn=_LSN,
        source=sql.Identifier(source),
        lowest=_LOWEST,
    )


def _has_lsn(table: Table) -> bool:
    return any(metadata.is_version(one) for one in table.columns)


def _names(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
