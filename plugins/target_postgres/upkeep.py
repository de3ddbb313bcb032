"""What makes tables good to share: who may read them, indexes, room for updates, statistics.

Nothing here keeps anybody from reading or writing. What can only be done behind the rows waits
until all of them are committed and their STATE is printed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors, sql

from singer_kit.errors import TargetWriteError
from target_postgres import rejects
from target_postgres.columns import SqlType
from target_postgres.database import describe
from target_postgres.ddl import change
from target_postgres.errors import TableRefusedError
from target_postgres.identifiers import identifier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_postgres.database import Database, Session
    from target_postgres.settings import Settings
    from target_postgres.tables import Table

FEWEST_ROWS = 1_000
"""Changed rows of a table below which its statistics are left to autovacuum."""

_ANALYZE_RATIO = 0.1
"""Changed rows, as a part of all, from which on the planner should know at once."""

logger = logging.getLogger("target-postgres")


class Upkeep:
    """The upkeep of all tables of one run."""

    def __init__(self, database: Database, session: Session, settings: Settings) -> None:
        self._database = database
        self._session = session
        self._settings = settings
        self._tables: dict[str, Table] = {}

    def begin(self) -> None:
        """Run ``before_run_sql``; raises :class:`TargetWriteError`."""
        self._run("before_run_sql", self._settings.before_run_sql, "nothing has been loaded")

    def prepare(self, connection: psycopg.Connection, stream: str, table: Table) -> None:
        """Bring a stream's table to what the settings say of it, within the caller's transaction.

        Raises :class:`TableRefusedError` for a role or property that is not there.
        """
        self._tables[stream] = table
        if not stream.endswith(rejects.SUFFIX):
            for role in self._settings.select_permission:
                _grant(connection, table, role)
        override = self._settings.placement.override(stream)
        _set_fillfactor(connection, table, override.get("fillfactor"))
        wanted = _index_columns(table, override)
        if table.is_empty:
            for statement in _missing(connection, table, wanted, concurrently=False):
                change(connection, statement, table.title)

    def finish(self, changed: Mapping[str, int], *, is_whole: bool) -> None:
        """Do what waits until the rows of all streams are committed.

        ``changed`` says how many rows of each stream's table are other than before. An index or
        statistics that cannot be made are logged. ``is_whole`` says that no stream failed: then
        ``after_run_sql`` is run, which raises :class:`TargetWriteError`.
        """
        for stream, rows in changed.items():
            if (table := self._tables.get(stream)) is not None:
                try:
                    self._add_indexes(stream, table)
                    self._analyze(table, rows)
                except psycopg.Error as error:
                    logger.warning(
                        "upkeep of %s: %s; the next run tries again", table.title, describe(error)
                    )
        if is_whole:
            self._run("after_run_sql", self._settings.after_run_sql, "all rows are committed")

    def _add_indexes(self, stream: str, table: Table) -> None:
        """Add indexes to a table with rows in it, while others read and write.

        That takes one session through several transactions, which no pool can promise.
        """
        wanted = _index_columns(table, self._settings.placement.override(stream))
        if not wanted:
            return

        def missing(connection: psycopg.Connection) -> list[sql.Composed]:
            return _missing(connection, table, wanted, concurrently=True)

        statements = self._session.transaction(missing)
        if not statements:
            return
        with self._database.connect() as connection:
            pid = connection.execute("select pg_backend_pid()").fetchone()
            if pid != (connection.info.backend_pid,):
                said = "; ".join(statement.as_string(connection) for statement in statements)
                logger.warning("behind a pool, so run this past it yourself: %s", said)
                return
            connection.execute(
                "select set_config('lock_timeout', %s, false)", (self._database.lock_timeout,)
            )
            for statement in statements:
                logger.info("DDL: %s", statement.as_string(connection))
                connection.execute(statement)

    def _analyze(self, table: Table, rows: int) -> None:
        if rows < FEWEST_ROWS:
            return

        def work(connection: psycopg.Connection) -> None:
            name = table.identifier.as_string(connection)
            known = connection.execute(
                "select reltuples from pg_class where oid = to_regclass(%s)", (name,)
            ).fetchone()
            if known is not None and rows >= known[0] * _ANALYZE_RATIO:
                connection.execute(sql.SQL("analyze {}").format(table.identifier))

        self._session.transaction(work)

    def _run(self, setting: str, script: str | None, so_far: str) -> None:
        if not script:
            return

        def work(connection: psycopg.Connection) -> None:
            connection.execute(script.encode())

        logger.info("running %s", setting)
        try:
            self._session.transaction(work)
        except psycopg.Error as error:
            raise TargetWriteError(
                f"{setting} failed, {so_far}: {describe(error)}; mend it in the settings and run "
                "again"
            ) from None


def _grant(connection: psycopg.Connection, table: Table, role: str) -> None:
    """Let a role read a table; does nothing when it may already."""
    probe = "select has_schema_privilege(%s, %s, 'usage'), has_table_privilege(%s, %s, 'select')"
    name = table.identifier.as_string(connection)
    try:
        with connection.transaction():
            row = connection.execute(probe, (role, table.schema, role, name)).fetchone()
    except errors.UndefinedObject:
        raise TableRefusedError(
            f"default_target_schema_select_permission names {role!r}, and there is no such role; "
            "have it made, or leave it out"
        ) from None
    may_use, may_select = row or (False, False)
    reader = sql.Identifier(role)
    if not may_use:
        statement = sql.SQL("grant usage on schema {} to {}")
        change(connection, statement.format(sql.Identifier(table.schema), reader), table.schema)
    if not may_select:
        statement = sql.SQL("grant select on table {} to {}")
        change(connection, statement.format(table.identifier, reader), table.title)


def _set_fillfactor(connection: psycopg.Connection, table: Table, wanted: int | None) -> None:
    """Say how full blocks are filled; rows that are there stay where they are."""
    if wanted is None:
        return
    option = f"fillfactor={wanted}"
    row = connection.execute(
        "select %s = any (reloptions) from pg_class where oid = %s::regclass",
        (option, table.identifier.as_string(connection)),
    ).fetchone()
    if row != (True,):
        statement = sql.SQL("alter table {} set (fillfactor = {})")
        change(connection, statement.format(table.identifier, sql.Literal(wanted)), table.title)


def _index_columns(table: Table, override: Mapping[str, Any]) -> list[tuple[list[str], str]]:
    """Return the columns of each index that a stream shall have, and its access method."""
    by_property = {one.property_name: one for one in table.columns}
    found = []
    for properties in override.get("indexes", ()):
        if unknown := [name for name in properties if name not in by_property]:
            raise TableRefusedError(
                f"table_overrides: an index of {table.title} names property {unknown[0]!r}, which "
                "the stream does not have; mend the setting"
            )
        columns = [by_property[name] for name in properties]
        is_document = len(columns) == 1 and columns[0].sql_type is SqlType.JSONB
        found.append(([one.name for one in columns], "gin" if is_document else "btree"))
    return found


def _missing(
    connection: psycopg.Connection,
    table: Table,
    wanted: Sequence[tuple[list[str], str]],
    *,
    concurrently: bool,
) -> list[sql.Composed]:
    """Return the statements that make the indexes which are not there."""
    if not wanted:
        return []
    rows = connection.execute(
        """
        select
            index.relname,
            indisvalid,
            amname,
            array(
                select attname::text
                from unnest(indkey::int2[]) with ordinality as part (number, place)
                join pg_attribute on attrelid = indrelid and attnum = part.number
                order by part.place
            )
        from pg_index
        join pg_class as index on index.oid = indexrelid
        join pg_am on pg_am.oid = index.relam
        where indrelid = %s::regclass and indpred is null and indexprs is null
        """,
        (table.identifier.as_string(connection),),
    ).fetchall()
    valid = [(method, names) for _, is_valid, method, names in rows if is_valid]
    broken = {name for name, is_valid, _, _ in rows if not is_valid}
    how = sql.SQL("concurrently ") if concurrently else sql.SQL("")
    found = []
    for columns, method in wanted:
        if any(one == method and names[: len(columns)] == columns for one, names in valid):
            continue
        name = identifier(f"{table.name}_{'_'.join(columns)}_idx")
        if name in broken:
            # Left by a build that was cut short.
            drop = sql.SQL("drop index {}{}")
            found.append(drop.format(how, sql.Identifier(table.schema, name)))
        found.append(
            sql.SQL("create index {}{} on {} using {} ({})").format(
                how,
                sql.Identifier(name),
                table.identifier,
                sql.SQL(method),
                sql.SQL(", ").join(map(sql.Identifier, columns)),
            )
        )
    return found
