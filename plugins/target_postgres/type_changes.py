"""A column whose type no longer fits what its stream sends: widened, put aside, or refused.

Where a column cannot be widened, its values may go to a new column beside it, named for their
type: ``price__text`` beside ``price``. A row then has its value in one of the two and NULL in
the other, so ``coalesce`` over both is the property. PostgreSQL's comment on the new column says
whose values it holds; a column without that comment is somebody else's and left alone.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from psycopg import errors, sql

from target_postgres.columns import SqlType
from target_postgres.ddl import change, definition
from target_postgres.errors import TableRefusedError
from target_postgres.identifiers import identifier

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from target_postgres.columns import Column

REWRITE_LIMIT = 1024**3
"""Bytes of a table from which on ``new_column`` does not rewrite it: its readers would wait."""

_SUFFIXES = {SqlType.TIMESTAMPTZ: "timestamptz"}
_COMMENT = "Values of {} that its type cannot hold"

logger = logging.getLogger("target-postgres")


class OnTypeChange(StrEnum):
    """What becomes of a column that is too narrow for what a stream now sends."""

    WIDEN = "widen"
    NEW_COLUMN = "new_column"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Existing:
    """A column that a table has."""

    sql_type: str
    comment: str | None


class TypeChanges:
    """Brings the columns of one table and those of its stream together.

    ``own`` are the names of all columns of the stream: none of them can serve another.
    """

    def __init__(
        self,
        table: sql.Identifier,
        title: str,
        existing: Mapping[str, Existing],
        own: set[str],
        on_type_change: OnTypeChange,
    ) -> None:
        self._table = table
        self._title = title
        self._existing = existing
        self._own = own
        self._mode = on_type_change

    def stored(self, connection: psycopg.Connection, column: Column) -> Column:
        """Return the column as the table stores it, having added or widened it if need be.

        Raises :class:`TableRefusedError` when values would change or be lost.
        """
        if column.name not in self._existing:
            self._add(connection, column)
            return column
        before = self._existing[column.name].sql_type
        stored = column.stored_as(before)
        if self._mode is not OnTypeChange.FAIL and column.widens(before):
            held = self._held_beside(column)
            if held is not None:
                return held
            reason = self._widen(connection, column, before)
            if reason is None:
                return column
            # Values of an integer that is too small for some are not all held.
            if stored is None or column.sql_type is SqlType.BIGINT:
                return self._beside(connection, column, reason)
        if stored is not None:
            return stored
        if self._mode is OnTypeChange.NEW_COLUMN and not column.is_key:
            return self._held_beside(column) or self._beside(
                connection, column, f"is {before}, which cannot become {column.sql_type}"
            )
        raise TableRefusedError(
            f"column {column.name} of {self._title} is {before}, which cannot hold the stream's "
            f"{column.sql_type} unchanged; change it with: "
            f"{self._new_type(column).as_string(connection)}"
        )

    def emptied(self, column: Column, stored: Column) -> list[str]:
        """Return the columns that hold older values of ``column`` than ``stored`` does."""
        family = [column.name, *self._aside(column)]
        return [name for name in family if name != stored.name and name in self._existing]

    def _add(self, connection: psycopg.Connection, column: Column) -> None:
        addition = sql.SQL("alter table {} add column {}")
        change(connection, addition.format(self._table, definition(column)), self._title)

    def _widen(self, connection: psycopg.Connection, column: Column, before: str) -> str | None:
        """Change a column's type; returns the reason if it must not be done.

        PostgreSQL rewrites the table unless only a limit goes.
        """
        statement = self._new_type(column)
        goes_aside = self._mode is OnTypeChange.NEW_COLUMN and not column.is_key
        if goes_aside and column.rewrites(before) and self._is_large(connection):
            return f"is {before}, and the table is too large to be rewritten under its readers"
        try:
            with connection.transaction():
                change(connection, statement, self._title)
        except errors.FeatureNotSupported as error:
            # A view, a rule, a trigger or a generated column uses the column.
            said = f"{error.diag.message_primary} ({error.diag.message_detail})"
            if goes_aside:
                return f"is {before}, and PostgreSQL refuses to change it: {said}"
            raise TableRefusedError(
                f"column {column.name} of {self._title} is {before} and must become "
                f"{column.sql_type}, but PostgreSQL refuses: {said}; drop what uses it, run: "
                f"{statement.as_string(connection)}; and make it again"
            ) from None
        return None

    def _is_large(self, connection: psycopg.Connection) -> bool:
        name = self._table.as_string(connection)
        row = connection.execute("select pg_table_size(%s::regclass)", (name,)).fetchone()
        return row is not None and row[0] > REWRITE_LIMIT

    def _aside(self, column: Column) -> list[str]:
        """Return the columns beside ``column`` that hold values of it."""
        comment = _COMMENT.format(column.name)
        return [
            name
            for name, one in self._existing.items()
            if one.comment == comment and name not in self._own
        ]

    def _held_beside(self, column: Column) -> Column | None:
        """Return the column beside ``column`` that holds what the stream sends, if there is one."""
        if self._mode is not OnTypeChange.NEW_COLUMN:
            return None
        beside = _named_for_type(column)
        if beside.name in self._aside(column):
            return beside.stored_as(self._existing[beside.name].sql_type)
        return None

    def _beside(self, connection: psycopg.Connection, column: Column, reason: str) -> Column:
        """Make a column beside ``column`` for values of its type."""
        beside = _named_for_type(column)
        if beside.name in self._existing or beside.name in self._own:
            raise TableRefusedError(
                f"column {column.name} of {self._title} {reason}; its values would go to a column "
                f"{beside.name}, but there is another of that name; rename one of them"
            )
        self._add(connection, beside)
        comment = sql.SQL("comment on column {}.{} is {}").format(
            self._table, sql.Identifier(beside.name), sql.Literal(_COMMENT.format(column.name))
        )
        change(connection, comment, self._title)
        logger.warning(
            "column %s of %s %s: values of type %s go to column %s from now on; to have one "
            "column again, drop what uses it and run: %s",
            column.name,
            self._title,
            reason,
            column.sql_type,
            beside.name,
            self._rest(column, beside).as_string(connection),
        )
        return beside

    def _rest(self, column: Column, beside: Column) -> sql.Composed:
        """Return the statements that make one column of two, whatever their types."""
        before = self._existing[column.name].sql_type
        kind = column.common_type(before)
        cast = sql.SQL("to_jsonb({})" if kind is SqlType.JSONB else "{}::" + kind)
        names = [sql.Identifier(beside.name), sql.Identifier(column.name)]
        return sql.SQL(
            "begin; alter table {0} alter column {1} type {2} using coalesce({3}, {4}); "
            "alter table {0} drop column {5}; commit"
        ).format(
            self._table,
            sql.Identifier(column.name),
            sql.SQL(kind),
            *(cast.format(name) for name in names),
            sql.Identifier(beside.name),
        )

    def _new_type(self, column: Column) -> sql.Composed:
        name = sql.Identifier(column.name)
        to_json = sql.SQL(" using to_jsonb({})").format(name)
        return sql.SQL("alter table {} alter column {} type {}{}").format(
            self._table,
            name,
            sql.SQL(column.sql_type),
            to_json if column.sql_type is SqlType.JSONB else sql.SQL(""),
        )


def _named_for_type(column: Column) -> Column:
    suffix = _SUFFIXES.get(column.sql_type, column.sql_type.value)
    return replace(column, name=identifier(column.name, suffix=f"__{suffix}"))
