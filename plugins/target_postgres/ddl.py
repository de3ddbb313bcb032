"""Statements that change the shape of a table: logged, and patient with its readers."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING

from psycopg import errors, sql

from target_postgres.errors import TableRefusedError

if TYPE_CHECKING:
    import psycopg

    from target_postgres.columns import Column

_ASK_MILLISECONDS = 200
"""How long readers that come later may have to queue behind a statement that waits."""

_PAUSE_SECONDS = 0.1

logger = logging.getLogger("target-postgres")


def change(connection: psycopg.Connection, statement: sql.Composed, title: str) -> None:
    """Run a statement that changes ``title``, having logged it.

    It asks for its lock a moment at a time: while it waits for a reader, those that come later
    wait behind it, so it lets them through again and again until the session's ``lock_timeout``
    has passed. Then :class:`TableRefusedError` is raised.
    """
    logger.info("DDL: %s", statement.as_string(connection))
    row = connection.execute(
        "select current_setting('lock_timeout'),"
        " extract(epoch from current_setting('lock_timeout')::interval)::float8"
    ).fetchone()
    before, seconds = row or ("0", 0.0)
    deadline = time.monotonic() + (seconds or math.inf)
    while True:
        try:
            with connection.transaction():
                _set_lock_timeout(connection, f"{_ASK_MILLISECONDS}ms")
                connection.execute(statement)
                _set_lock_timeout(connection, before)
        except errors.LockNotAvailable:
            if time.monotonic() >= deadline:
                raise TableRefusedError(
                    f"lock timeout: {title} was in use for {seconds:g} s, so this was not done: "
                    f"{statement.as_string(connection)}; end what uses it (pg_locks names it), or "
                    "raise lock_timeout_seconds, and run again"
                ) from None
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def definition(column: Column) -> sql.Composable:
    """Return a column's name and type as DDL has them."""
    return sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.sql_type))


def _set_lock_timeout(connection: psycopg.Connection, value: str) -> None:
    connection.execute("select set_config('lock_timeout', %s, true)", (value,))
