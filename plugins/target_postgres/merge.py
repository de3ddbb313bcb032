"""The statements that bring a batch of rows into a table.

Rows are copied into a temporary table and go from there into the real one with a single
INSERT … ON CONFLICT, guarded by the version that is stored. Before that, two things make the
batch a set of whole rows with one row for each key: rows of one key are folded field by field
in the order of (version, arrival), and properties that a record does not have are filled from
the stored row. Both are skipped when there is nothing to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import errors, sql

from target_postgres import copytext, metadata
from target_postgres.deletes import DeleteMode, HardDeletes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

    from target_postgres.codec import Chunk
    from target_postgres.tables import Table

_STAGED = sql.Identifier("_sdc_staged")
_PRESENT = sql.Identifier("_sdc_present")
_COMMA = sql.SQL(", ")


@dataclass(slots=True)
class Counts:
    """Rows of a table that a batch changed, and those it could not or need not."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    stale: int = 0
    rejected: int = 0

    @property
    def changed(self) -> int:
        """Rows of the table that are other than before."""
        return self.inserted + self.updated + self.deleted

    def __add__(self, other: Counts) -> Counts:
        """Return the counts of both."""
        return Counts(
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.deleted + other.deleted,
            self.stale + other.stale,
            self.rejected + other.rejected,
        )


class Merge:
    """Writes rows of one stream into its table.

    ``names`` are the columns that rows have, in their order. A row's version is the column
    ``_sdc_lsn``; a row without a version is older than any with one, and among equals the
    later arrival wins. A row that says nothing new is not written again: whoever sends a whole
    table each time pays for what changed in it.
    """

    def __init__(self, table: Table, names: Sequence[str], mode: DeleteMode) -> None:
        self._table = table
        self._names = list(names)
        self._others = [name for name in names if name not in table.keys]
        self._emptied = [(name, other) for name, other in table.emptied if other in names]
        self._written = [*names, *(name for name, _ in self._emptied)]
        self._compared = [
            name
            for name in self._written
            if name not in table.keys and name not in metadata.RUN_COLUMNS
        ]
        self._has_lsn = any(metadata.is_version(column) for column in table.columns)
        self._has_deletes = metadata.DELETED_AT in names
        self._ignores_deletes = self._has_deletes and mode is DeleteMode.IGNORE
        self._hard: HardDeletes | None = None
        if self._has_deletes and table.keys and mode is DeleteMode.HARD:
            self._hard = HardDeletes(table, _STAGED)
        self._expects_repeats = False

    def may_append(self, connection: psycopg.Connection) -> bool:
        """Tell whether rows of an empty table may go in unseen: none was removed from it."""
        return self._hard is None or not self._hard.has_tombstones(connection)

    def append(self, connection: psycopg.Connection, chunks: Iterable[Chunk]) -> Counts:
        """Copy rows straight into the table; fails if a key is there already."""
        columns = _names(self._names)
        statement = sql.SQL("copy {} ({}) from stdin {}").format(
            self._table.identifier, columns, sql.SQL(copytext.OPTIONS)
        )
        with connection.cursor() as cursor:
            with cursor.copy(statement) as copy:
                for chunk in chunks:
                    copy.write(_unmasked(chunk))
            return Counts(inserted=cursor.rowcount)

    def upsert(self, connection: psycopg.Connection, chunks: Sequence[Chunk]) -> Counts:
        """Bring rows in, each unless the table holds a newer version of it."""
        staged = self._stage(connection, chunks)
        mixed = any(chunk.mixed for chunk in chunks)
        removed, stale, passed = self._apply_deletes(connection)
        staged -= stale + passed
        # Rows that are filled are read in another order than they came in: the last of a key may
        # come first, find itself stored, and let an earlier one through as news.
        looks_first = mixed or self._expects_repeats
        if not looks_first:
            try:
                with connection.transaction():
                    written = self._write(connection, mixed=mixed)
            except errors.CardinalityViolation:
                # PostgreSQL finds repeated keys for nothing while it writes. A stream that had
                # some will have more, so from here on we look first.
                self._expects_repeats = looks_first = True
        if looks_first:
            if self._has_repeated_keys(connection):
                older = self._drop_stale(connection)
                staged -= older + self._fold(connection)
                stale += older
            written = self._write(connection, mixed=mixed)
        connection.execute(sql.SQL("drop table {}").format(_STAGED))
        left_out = staged - written.inserted - written.updated - written.deleted
        return written + Counts(deleted=removed, stale=stale + left_out)

    def _apply_deletes(self, connection: psycopg.Connection) -> tuple[int, int, int]:
        """Do what the mode says with staged deletes, unless they are to mark rows.

        Returns how many rows the table lost, how many staged ones were stale, and how many
        others are staged no more.
        """
        if self._ignores_deletes:
            statement = sql.SQL("delete from {} where {} is not null").format(
                _STAGED, sql.Identifier(metadata.DELETED_AT)
            )
            return 0, 0, connection.execute(statement).rowcount
        if self._hard is None:
            return 0, 0, 0
        stale = self._hard.drop_buried(connection) + self._drop_stale(connection)
        removed, passed = self._hard.apply(connection)
        return removed, stale, passed

    def _write(self, connection: psycopg.Connection, *, mixed: bool) -> Counts:
        if mixed:
            connection.execute(self._fill_statement())
        row = connection.execute(self._upsert_statement()).fetchone()
        return Counts(*(row or ()))

    def _stage(self, connection: psycopg.Connection, chunks: Sequence[Chunk]) -> int:
        """Copy rows into a temporary table, where their order of arrival is their ctid."""
        connection.execute(
            sql.SQL(
                "create temporary table {} on commit drop as select {} from {} with no data"
            ).format(_STAGED, _names(self._written), self._table.identifier)
        )
        connection.execute(
            sql.SQL("alter table {} add column {} bit({})").format(
                _STAGED, _PRESENT, sql.Literal(len(self._names))
            )
        )
        rows = 0
        for run, mixed in _runs(chunks):
            columns = _names(self._names) + (sql.SQL(", ") + _PRESENT if mixed else sql.SQL(""))
            statement = sql.SQL("copy {} ({}) from stdin {}").format(
                _STAGED, columns, sql.SQL(copytext.OPTIONS)
            )
            with connection.cursor() as cursor:
                with cursor.copy(statement) as copy:
                    for chunk in run:
                        copy.write(chunk.data)
                rows += cursor.rowcount
        return rows

    def _has_repeated_keys(self, connection: psycopg.Connection) -> bool:
        row = connection.execute(
            sql.SQL("select exists (select from {} group by {} having count(*) > 1)").format(
                _STAGED, _names(self._table.keys)
            )
        ).fetchone()
        return row == (True,)

    def _drop_stale(self, connection: psycopg.Connection) -> int:
        """Remove rows that the stored one refuses, so that no field of theirs is folded in."""
        if not self._has_lsn:
            return 0
        return connection.execute(
            sql.SQL(
                "delete from {staged} as staged using {table} as stored where {key} and {old}"
            ).format(
                staged=_STAGED,
                table=self._table.identifier,
                key=self._table.same_key("staged", "stored"),
                old=sql.SQL("not ") + self._is_current("staged", "stored"),
            )
        ).rowcount

    def _fold(self, connection: psycopg.Connection) -> int:
        """Make one row of all rows of a key; returns how many rows fewer there are."""
        order: sql.Composable = sql.SQL("_sdc_arrival desc")
        if self._has_lsn:
            order = sql.SQL("{} desc nulls last, ").format(sql.Identifier(metadata.LSN)) + order
        folded = [
            sql.SQL(
                "(array_agg({name} order by {order})"
                " filter (where {present} is null or get_bit({present}, {bit}) = 1))[1]"
            ).format(name=sql.Identifier(name), order=order, present=_PRESENT, bit=sql.Literal(bit))
            if name in self._others
            else sql.Identifier(name)
            for bit, name in enumerate(self._names)
        ]
        row = connection.execute(
            sql.SQL(
                """
                with moved as (
                    delete from {staged} as staged
                    where ({key}) in (
                        select {key} from {staged} group by {key} having count(*) > 1
                    )
                    returning staged.ctid as _sdc_arrival, staged.*
                ), folded as (
                    insert into {staged} ({names}, {present})
                    select {folded}, case
                        when bool_or({present} is null) then null else bit_or({present})
                    end
                    from moved group by {key}
                    returning 1
                )
                select (select count(*) from moved) - (select count(*) from folded)
                """
            ).format(
                staged=_STAGED,
                key=_names(self._table.keys),
                names=_names(self._names),
                present=_PRESENT,
                folded=_COMMA.join(folded),
            )
        ).fetchone()
        return int(row[0]) if row else 0

    def _fill_statement(self) -> sql.Composed:
        """Give rows that lack a property the stored row's value for it."""
        bits = {name: bit for bit, name in enumerate(self._names)}
        filled = [
            sql.SQL(
                "{name} = case when get_bit(staged.{present}, {bit}) = 0"
                " then stored.{name} else staged.{name} end"
            ).format(name=sql.Identifier(name), present=_PRESENT, bit=sql.Literal(bits[name]))
            for name in self._others
        ]
        filled += [
            sql.SQL(
                "{name} = case when get_bit(staged.{present}, {bit}) = 0 then stored.{name} end"
            ).format(name=sql.Identifier(name), present=_PRESENT, bit=sql.Literal(bits[other]))
            for name, other in self._emptied
        ]
        return sql.SQL(
            "update {staged} as staged set {filled} from {table} as stored"
            " where staged.{present} is not null and {key}"
        ).format(
            staged=_STAGED,
            filled=_COMMA.join(filled),
            table=self._table.identifier,
            present=_PRESENT,
            key=self._table.same_key("staged", "stored"),
        )

    def _upsert_statement(self) -> sql.Composed:
        """Return the statement; it gives the numbers of rows inserted, updated and deleted."""
        changes = [
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name))
            for name in self._written
            if name not in self._table.keys
        ]
        action: sql.Composable = sql.SQL("do nothing")
        if changes:
            action = sql.SQL("do update set {} where {}").format(
                _COMMA.join(changes), self._is_news("excluded", "stored")
            )
        deleted: sql.Composable = sql.SQL("false")
        if self._has_deletes:
            deleted = sql.SQL("stored.{} is not null").format(sql.Identifier(metadata.DELETED_AT))
        return sql.SQL(
            """
            with written as (
                insert into {table} as stored ({names}) select {names} from {staged}
                on conflict ({keys}) {action}
                returning stored.xmax = 0 as is_new, {deleted} as is_deleted
            )
            select
                count(*) filter (where is_new and not is_deleted),
                count(*) filter (where not is_new and not is_deleted),
                count(*) filter (where is_deleted)
            from written
            """
        ).format(
            table=self._table.identifier,
            names=_names(self._written),
            staged=_STAGED,
            keys=_names(self._table.keys),
            action=action,
            deleted=deleted,
        )

    def _is_news(self, row: str, stored: str) -> sql.Composable:
        """Return the condition under which writing ``row`` over ``stored`` changes something.

        Rows are compared byte by byte (``*<>``): 1.0 and 1.00 are equal numbers, but not the
        same text.
        """
        current = self._is_current(row, stored)
        if not self._compared:
            return current
        images = [
            sql.SQL("row({})::record").format(
                _COMMA.join(sql.Identifier(side, name) for name in self._compared)
            )
            for side in (row, stored)
        ]
        return current + sql.SQL(" and ") + sql.SQL(" *<> ").join(images)

    def _is_current(self, row: str, stored: str) -> sql.Composable:
        """Return the condition under which ``row`` may replace ``stored``."""
        if not self._has_lsn:
            return sql.SQL("true")
        lsn = sql.Identifier(metadata.LSN)
        return sql.SQL(
            "({stored}.{lsn} is null or coalesce({row}.{lsn} >= {stored}.{lsn}, false))"
        ).format(row=sql.Identifier(row), stored=sql.Identifier(stored), lsn=lsn)


def _runs(chunks: Sequence[Chunk]) -> Iterable[tuple[list[Chunk], bool]]:
    """Yield runs of neighbours that have the same fields."""
    run: list[Chunk] = []
    for chunk in chunks:
        if run and chunk.mixed != run[0].mixed:
            yield run, run[0].mixed
            run = []
        run.append(chunk)
    if run:
        yield run, run[0].mixed


def _unmasked(chunk: Chunk) -> bytes:
    if not chunk.mixed:
        return chunk.data
    end = copytext.NEWLINE
    return b"".join(row.rpartition(copytext.TAB)[0] + end for row in chunk.rows())


def _names(names: Iterable[str]) -> sql.Composed:
    return _COMMA.join(map(sql.Identifier, names))
