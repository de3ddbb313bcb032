"""How long ago each stream's last load finished, held against what the dbt sources allow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import yaml
from psycopg import sql

from mixtape.warehouse.news import FEEDS, exists

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg


@dataclass(frozen=True)
class Stale:
    """A stream whose last finished load is too long ago."""

    feed: str
    stream: str
    age: timedelta
    limit: timedelta
    is_error: bool
    """Whether it is beyond `error_after`, not only `warn_after`."""

    def __str__(self) -> str:
        """Say which, since when, and what to do."""
        return (
            f"freshness of {self.feed}.{self.stream}: its last load finished {_said(self.age)} "
            f"ago, {_said(self.limit)} are allowed; see why the loads of {FEEDS[self.feed]} "
            "do not run or do not finish"
        )


def stale(connection: psycopg.Connection, project: Path) -> list[Stale]:
    """Return the streams of loaded feeds that are beyond a limit of `_<feed>__sources.yml`.

    A stream that never finished a load counts from the begin of its first; one that was never
    begun has no age.
    """
    return [
        found
        for feed, schema in FEEDS.items()
        if exists(connection, f"{schema}._sdc_loads")
        for found in _of_feed(connection, project, feed)
    ]


def _of_feed(connection: psycopg.Connection, project: Path, feed: str) -> list[Stale]:
    path = project / "models" / "staging" / feed / f"_{feed}__sources.yml"
    (source,) = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["sources"]
    limits = {
        table["name"]: table["config"]["freshness"]
        for table in source["tables"]
        if "freshness" in table.get("config", {})
    }
    ages = connection.execute(
        sql.SQL(
            "select stream, now() - coalesce(max(finished_at), min(started_at))"
            " from {} where stream = any (%s) group by stream order by stream"
        ).format(sql.Identifier(FEEDS[feed], "_sdc_loads")),
        (list(limits),),
    ).fetchall()
    found = []
    for stream, age in ages:
        warn, error = (_limit(limits[stream][name]) for name in ("warn_after", "error_after"))
        if age > warn:
            found.append(Stale(feed, stream, age, error if age > error else warn, age > error))
    return found


def _limit(limit: dict[str, Any]) -> timedelta:
    return timedelta(**{f"{limit['period']}s": limit["count"]})


def _said(time: timedelta) -> str:
    minutes = round(time.total_seconds() / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours and rest else f"{hours} h" if hours else f"{rest} min"
