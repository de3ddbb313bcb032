"""A little of what a live application did, in raw tables as the loader leaves them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

_LAG_SECONDS = (1, 2, 3, 4, 40)


class LiveApplication:
    """Plays of two days, registrations of a meetup, and the changes that brought the plays."""

    def __init__(self, connection: psycopg.Connection, project_root: Path) -> None:
        """Fill `raw_mongo` over ``connection``, the loader's."""
        self._connection = connection
        connection.execute("set search_path = raw_mongo")
        ddl = project_root / "extract" / "rap_model" / "generated" / "raw_mongo.sql"
        connection.execute(ddl.read_bytes())
        lyrics, meetups = self._ids("lyrics", "lyric_id"), self._ids("meetups", "meetup_id")
        now = datetime.now(UTC)
        today = now.replace(hour=12, minute=0, second=0, microsecond=0)
        #: the times at which something was played
        self.played = [today - timedelta(days=day) for day in (1, 1, 1, 2, 2)]
        for number, (played_at, lag) in enumerate(zip(self.played, _LAG_SECONDS, strict=True)):
            play = str(uuid.uuid4())
            self._insert(
                "plays", _id=play, play_id=play, lyric_id=lyrics[number % 2], played_at=played_at,
                duration_ms=90_000, country="IN", client="web",
                _sdc_batched_at=now, _sdc_lsn=_version(played_at),
            )  # fmt: skip
            self._insert(
                "plays__changes", replication_key=f"change-{number}", object_id=play,
                operation_type="insert", cluster_time=now - timedelta(seconds=lag),
                _sdc_batched_at=now, _sdc_lsn=_version(played_at),
            )  # fmt: skip
        #: the status of each registration
        self.statuses = ["attended", "attended", "registered", "cancelled"]
        for status in self.statuses:
            registration = str(uuid.uuid4())
            self._insert(
                "registrations", _id=registration, registration_id=registration,
                meetup_id=meetups[0], attendee_hash=uuid.uuid4().hex, status=status,
                registered_at=today, updated_at=now, _sdc_batched_at=now, _sdc_lsn=_version(now),
            )  # fmt: skip
        for stream, rows in {"plays": 5, "plays__changes": 5, "registrations": 4}.items():
            self._insert(
                "_sdc_loads", run_id="live", stream=stream, rows_in=rows, rows_inserted=rows,
                rows_updated=0, rows_deleted=0, rows_rejected=0, rows_stale=0,
                started_at=now - timedelta(seconds=1), finished_at=now + timedelta(seconds=1),
            )  # fmt: skip

    def _ids(self, table: str, column: str) -> list[Any]:
        query = sql.SQL("select distinct {0} from {1} order by {0}").format(
            sql.Identifier(column), sql.Identifier("raw_files", table)
        )
        return [found for (found,) in self._connection.execute(query)]

    def _insert(self, table: str, **row: Any) -> None:
        self._connection.execute(
            sql.SQL("insert into {} ({}) values ({})").format(
                sql.Identifier("raw_mongo", table),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join(sql.Placeholder() * len(row)),
            ),
            [*row.values()],
        )


def _version(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000
