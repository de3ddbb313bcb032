"""The tables that rows go into: made, grown by columns, or refused with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

from target_postgres.ddl import change, definition
from target_postgres.errors import TableRefusedError
from target_postgres.identifiers import check_unique
from target_postgres.type_changes import Existing, OnTypeChange, TypeChanges

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from target_postgres.columns import Column


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is ready to take a stream's rows."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    """The stream's columns, as this table stores them."""
    keys: tuple[str, ...]
    is_empty: bool
    """Whether it held no row when it was looked at."""
    emptied: tuple[tuple[str, str], ...] = ()
    """Columns that are NULL where another has a value: each with that other."""

    @property
    def identifier(self) -> sql.Identifier:
        """The quoted name."""
        return sql.Identifier(self.schema, self.name)

    @property
    def title(self) -> str:
        """The name for people."""
        return f"{self.schema}.{self.name}"

    def same_key(self, one: str, other: str) -> sql.Composed:
        """Return the condition that rows of ``one`` and ``other`` have one key."""
        return sql.SQL(" and ").join(
            sql.SQL("{} = {}").format(sql.Identifier(one, key), sql.Identifier(other, key))
            for key in self.keys
        )


def lock(connection: psycopg.Connection, name: str) -> None:
    """Make other loaders wait until this transaction ends, before they touch what ``name`` is.

    Loaders of one table therefore take turns, and cannot wait for each other in a circle.
    """
    connection.execute(
        "select pg_advisory_xact_lock(hashtextextended('target-postgres:' || %s, 0))", (name,)
    )


def prepare(
    connection: psycopg.Connection,
    schema: str,
    name: str,
    columns: Sequence[Column],
    keys: Sequence[str],
    *,
    on_type_change: OnTypeChange = OnTypeChange.FAIL,
) -> Table:
    """Make the table, add the columns it lacks, widen others, within the caller's transaction.

    ``keys`` are columns. Raises :class:`TableRefusedError` when two properties have one column,
    when the table that is there lacks the key, or has a column that would change values.
    """
    check_unique(((one.property_name, one.name) for one in columns), f"{schema}.{name}")
    _make_schema(connection, schema)
    lock(connection, f"{schema}.{name}")
    table = Table(schema, name, tuple(columns), tuple(keys), is_empty=True)
    existing = _columns(connection, table)
    if not existing:
        _create(connection, table)
        return table
    _check_key(connection, table)
    own = {one.name for one in columns}
    changes = TypeChanges(table.identifier, table.title, existing, own, on_type_change)
    stored = [changes.stored(connection, one) for one in columns]
    emptied = tuple(
        (name, kept.name)
        for one, kept in zip(columns, stored, strict=True)
        for name in changes.emptied(one, kept)
    )
    probe = sql.SQL("select exists (select from {})").format(table.identifier)
    row = connection.execute(probe).fetchone()
    is_empty = row == (False,)
    return Table(schema, name, tuple(stored), tuple(keys), is_empty=is_empty, emptied=emptied)


def _make_schema(connection: psycopg.Connection, schema: str) -> None:
    """Make the schema unless it is there: a loader need not be allowed to make one."""
    exists = "select from pg_namespace where nspname = %s"
    if connection.execute(exists, (schema,)).fetchone() is not None:
        return
    lock(connection, schema)
    statement = sql.SQL("create schema if not exists {}").format(sql.Identifier(schema))
    change(connection, statement, schema)


def _columns(connection: psycopg.Connection, table: Table) -> dict[str, Existing]:
    """Return the table's columns by name, none when there is no table."""
    found = connection.execute(
        """
        select
            attname,
            case typtype when 'e' then 'enum' else format_type(atttypid, atttypmod) end,
            col_description(attrelid, attnum)
        from pg_attribute
        join pg_class on pg_class.oid = attrelid
        join pg_type on pg_type.oid = atttypid
        where relnamespace = (select oid from pg_namespace where nspname = %s)
            and relname = %s and attnum > 0 and not attisdropped
        """,
        (table.schema, table.name),
    )
    return {name: Existing(sql_type, comment) for name, sql_type, comment in found}


def _create(connection: psycopg.Connection, table: Table) -> None:
    parts: list[sql.Composable] = [definition(column) for column in table.columns]
    if table.keys:
        key = sql.SQL(", ").join(map(sql.Identifier, table.keys))
        parts.append(sql.SQL("primary key ({})").format(key))
    statement = sql.SQL("create table {} ({})")
    change(connection, statement.format(table.identifier, sql.SQL(", ").join(parts)), table.title)


def _check_key(connection: psycopg.Connection, table: Table) -> None:
    """Raise unless ON CONFLICT can name the stream's key, and it is the table's own."""
    found = connection.execute(
        """
        select
            bool_or(indisprimary),
            array_agg(attname::text order by array_position(indkey::int2[], attnum))
        from pg_index
        join pg_class on pg_class.oid = indrelid
        join pg_attribute on attrelid = indrelid and attnum = any (indkey[:indnkeyatts - 1])
        where relnamespace = (select oid from pg_namespace where nspname = %s) and relname = %s
            and indisunique and indisvalid and indimmediate and indpred is null
            and indexprs is null
        group by indexrelid
        """,
        (table.schema, table.name),
    ).fetchall()
    if table.keys and any(set(names) == set(table.keys) for _, names in found):
        return
    wanted = ", ".join(table.keys)
    if primary := next((names for is_primary, names in found if is_primary), None):
        raise TableRefusedError(
            f"the key of the stream is ({wanted}), but that of table {table.title} is "
            f"({', '.join(primary)}): a table does not change its key; give the stream its old "
            "key again, or rename the table and load the stream anew"
        )
    if table.keys:
        key = sql.SQL(", ").join(map(sql.Identifier, table.keys))
        fix = sql.SQL("alter table {} add primary key ({})").format(table.identifier, key)
        raise TableRefusedError(
            f"table {table.title} has no unique index on the stream's key ({wanted}); "
            f"add it with: {fix.as_string(connection)}"
        )
