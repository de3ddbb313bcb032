"""What old events say of their documents is forgotten; that they happened is not.

An event's own columns (what happened to which document, when, and when it was loaded) are all that
the warehouse reads of it, and stay: a full refresh finds the same rows. The document and the
description of the update, which are nearly all of its bytes, go. Cut off anywhere, the next call
ends what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    import psycopg

_CHUNK = 10_000
_EVENTS = r"%\_\_changes"

_TABLES = """
select table_name
from information_schema.columns
where table_schema = %s and table_name like %s
    and column_name in ('_sdc_batched_at', 'document', 'update_description')
group by table_name
having count(*) = 3
order by table_name
"""
# By the time of the load, which has an index and is not changed: the row is no news.
_FORGET = sql.SQL(
    """
    with old as (
        select ctid, _sdc_batched_at
        from {table}
        where _sdc_batched_at >= %(begin)s and _sdc_batched_at < %(end)s
            and (document is not null or update_description is not null)
        order by _sdc_batched_at
        limit %(chunk)s
        for update
    ),
    forgotten as (
        update {table}
        set document = null, update_description = null
        from old
        where {table}.ctid = old.ctid
        returning old._sdc_batched_at
    )
    select count(*), max(_sdc_batched_at) from forgotten
    """
)


@dataclass(frozen=True)
class Forgotten:
    """What became of one table of events."""

    table: str
    events: int
    """Whose documents are forgotten now."""


def forget(
    database: psycopg.Connection, schema: str, keep_days: int, *, chunk: int = _CHUNK
) -> list[Forgotten]:
    """Forget the documents of events that were loaded more than ``keep_days`` days ago.

    Args:
        database: a connection of the tables' owner, in autocommit mode.
        schema: where the tables of events (``<collection>__changes``) are.
        keep_days: 0 keeps all.
        chunk: rows of one transaction.
    """
    if keep_days <= 0:
        return []
    end = database.execute("select now() - make_interval(days => %s)", (keep_days,)).fetchone()
    names = database.execute(_TABLES, (schema, _EVENTS)).fetchall()
    return [
        Forgotten(name, _forget(database, sql.Identifier(schema, name), end and end[0], chunk))
        for (name,) in names
    ]


def _forget(database: psycopg.Connection, table: sql.Identifier, end: object, chunk: int) -> int:
    begin: object = "-infinity"
    events = 0
    while True:
        found = database.execute(
            _FORGET.format(table=table), {"begin": begin, "end": end, "chunk": chunk}
        ).fetchone()
        if not found or not found[0]:
            return events
        events += found[0]
        begin = found[1]
