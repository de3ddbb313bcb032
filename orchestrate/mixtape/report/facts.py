"""What the report knows: the public metrics and the loads, read in one snapshot as the BI role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import psycopg
from psycopg.rows import class_row

from mixtape.services.base import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from decimal import Decimal

_Row = TypeVar("_Row")

BI_READER = "bi_reader"
_CONNECT_SECONDS = 10


@dataclass(frozen=True)
class Plays:
    """A day and its plays."""

    played_on: date
    plays: int


@dataclass(frozen=True)
class ActiveArtists:
    """A month, by its first day, and the artists active in it."""

    month_start: date
    active_artists: int


@dataclass(frozen=True)
class SongsReleased:
    """A month, by its first day, and the lyrics released in it."""

    month_start: date
    songs_released: int


@dataclass(frozen=True)
class Attendance:
    """A month of meetups: who came, who was expected."""

    month_start: date
    attended_count: int
    expected_count: int
    meetup_attendance_rate: Decimal | None


@dataclass(frozen=True)
class LoadLag:
    """A day's 95th percentile of the seconds from a change in a collection to its load."""

    loaded_on: date
    collection: str
    change_count: int
    load_lag_p95_seconds: Decimal | None


@dataclass(frozen=True)
class Stream:
    """All loads of one stream: sums of rows, and its newest load."""

    feed: str
    stream_name: str
    loads: int
    rows_in: int
    rows_inserted: int
    rows_updated: int
    rows_deleted: int
    rows_stale: int
    rows_rejected: int
    #: within the day before the report
    rejected_lately: int
    started_at: datetime
    #: of the newest load that has ended
    finished_at: datetime | None
    #: the newest load's; null while it has not ended
    load_seconds: Decimal | None


@dataclass(frozen=True)
class LoadedDay:
    """A day's rows from one feed."""

    day: date
    feed: str
    rows_in: int
    rows_rejected: int


@dataclass(frozen=True)
class Facts:
    """Everything the report says is calculated from this; lists are in order of time or name."""

    at: datetime
    plays: Sequence[Plays]
    active_artists: Sequence[ActiveArtists]
    songs_released: Sequence[SongsReleased]
    attendance: Sequence[Attendance]
    load_lag: Sequence[LoadLag]
    streams: Sequence[Stream]
    loaded_days: Sequence[LoadedDay]


_PLAYS = "select played_on, plays from marts.metric_plays order by played_on"
_ACTIVE_ARTISTS = (
    "select month_start, active_artists from marts.metric_active_artists order by month_start"
)
_SONGS_RELEASED = (
    "select month_start, songs_released from marts.metric_songs_released order by month_start"
)
_ATTENDANCE = """
    select month_start, attended_count, expected_count, meetup_attendance_rate
    from marts.metric_meetup_attendance_rate
    order by month_start
"""
_LOAD_LAG = """
    select loaded_on, collection, change_count, load_lag_p95_seconds
    from marts.metric_load_lag_p95
    order by loaded_on, collection
"""
_STREAMS = """
    select
        feed,
        stream_name,
        count(*) as loads,
        sum(rows_in)::bigint as rows_in,
        sum(rows_inserted)::bigint as rows_inserted,
        sum(rows_updated)::bigint as rows_updated,
        sum(rows_deleted)::bigint as rows_deleted,
        sum(rows_stale)::bigint as rows_stale,
        sum(rows_rejected)::bigint as rows_rejected,
        coalesce(sum(rows_rejected) filter (where started_at > now() - interval '1 day'), 0)::bigint
            as rejected_lately,
        max(started_at) as started_at,
        max(finished_at) as finished_at,
        (array_agg(load_seconds order by started_at desc, run_id))[1] as load_seconds
    from marts.fct_loads
    group by feed, stream_name
    order by feed, stream_name
"""
_LOADED_DAYS = """
    select
        (started_at at time zone 'UTC')::date as day,
        feed,
        sum(rows_in)::bigint as rows_in,
        sum(rows_rejected)::bigint as rows_rejected
    from marts.fct_loads
    group by 1, 2
    order by 1, 2
"""


def connect(given: Mapping[str, str]) -> psycopg.Connection:
    """Return a connection that can only read, as the BI role.

    Args:
        given: the address, as `BI_READER_URI`; without it libpq takes its own variables (`PGHOST`,
            `PGPASSWORD`, …), and the user is the BI role unless `PGUSER` names another.

    Raises:
        ServiceError: the warehouse cannot be reached.
    """
    uri = given.get("BI_READER_URI") or f"user={given.get('PGUSER') or BI_READER}"
    try:
        connection = psycopg.connect(uri, connect_timeout=_CONNECT_SECONDS)
    except psycopg.OperationalError as error:
        raise ServiceError(
            f"the warehouse cannot be reached ({_first_line(error)}): set BI_READER_URI, or "
            "PGHOST, PGPORT, PGDATABASE and PGPASSWORD"
        ) from error
    connection.read_only = True
    # One snapshot: a build that is published meanwhile changes nothing of what is read.
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    return connection


def read(database: psycopg.Connection) -> Facts:
    """Return what the warehouse's public metrics and loads say now.

    Raises:
        ServiceError: a view or table is not there, or may not be read by this role.
    """
    try:
        with database.transaction():
            database.execute("set local time zone 'UTC'")
            (at,) = database.execute("select now()").fetchone() or (None,)
            return Facts(
                at=at,
                plays=_rows(database, Plays, _PLAYS),
                active_artists=_rows(database, ActiveArtists, _ACTIVE_ARTISTS),
                songs_released=_rows(database, SongsReleased, _SONGS_RELEASED),
                attendance=_rows(database, Attendance, _ATTENDANCE),
                load_lag=_rows(database, LoadLag, _LOAD_LAG),
                streams=_rows(database, Stream, _STREAMS),
                loaded_days=_rows(database, LoadedDay, _LOADED_DAYS),
            )
    except psycopg.errors.UndefinedTable as error:
        raise ServiceError(
            f"the warehouse is not built yet ({_first_line(error)}): meltano run transform"
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise ServiceError(
            f"the report reads as a role that may not ({_first_line(error)}): it is made for "
            f"{BI_READER}, whose rights are in transform/access/roles.sql"
        ) from error


def _rows(database: psycopg.Connection, kind: type[_Row], query: str) -> list[_Row]:
    with database.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(query.encode()).fetchall()


def _first_line(error: psycopg.Error) -> str:
    return str(error).strip().partition("\n")[0]
