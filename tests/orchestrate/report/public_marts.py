"""What the report reads, as tables of a test's own: the metrics' contracts, and `fct_loads`.

Rows are put in as the public models would hold them; that the models do hold such rows is shown in
`tests/transform`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import yaml
from psycopg import sql

from mixtape.report import facts
from mixtape.services.postgres import conninfo_uri, make_roles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixtures.fix_postgres import Database
    from mixtape.report.facts import Facts

Row = dict[str, Any]

_FCT_LOADS = """
    create table marts.fct_loads (
        feed text,
        run_id text,
        stream_name text,
        rows_in bigint,
        rows_inserted bigint,
        rows_updated bigint,
        rows_deleted bigint,
        rows_rejected bigint,
        rows_stale bigint,
        load_seconds numeric(14, 3),
        data_age_seconds numeric(14, 3),
        started_at timestamptz,
        finished_at timestamptz,
        primary key (feed, run_id, stream_name)
    )
"""


class PublicMarts:
    """The public models that the report reads, in a database with the project's roles."""

    def __init__(self, database: Database, project_root: Path) -> None:
        """Make them empty, owned by the transformer as dbt's are."""
        self.database = database
        self.environment = {"BI_READER_URI": conninfo_uri(database.uri, "bi_reader")}
        #: all that was put in, by model
        self.rows: dict[str, list[Row]] = {"fct_loads": []}
        make_roles(database.uri)
        contracts = project_root / "transform/models/marts/metrics/_metrics__models.yml"
        with psycopg.connect(conninfo_uri(database.uri, "transformer")) as transformer:
            transformer.execute(_FCT_LOADS)
            for model in yaml.safe_load(contracts.read_text())["models"]:
                self.rows[model["name"]] = []
                columns = ", ".join(
                    f"{column['name']} {column['data_type']}" for column in model["columns"]
                )
                transformer.execute(f"create table marts.{model['name']} ({columns})".encode())

    def put(self, model: str, *rows: Row) -> None:
        """Add rows, all with the same columns, to a model."""
        insert = sql.SQL("insert into {} ({}) values ({})").format(
            sql.Identifier("marts", model),
            sql.SQL(", ").join(map(sql.Identifier, rows[0])),
            sql.SQL(", ").join(map(sql.Placeholder, rows[0])),
        )
        with self.database.connect() as connection, connection.cursor() as cursor:
            cursor.executemany(insert, rows)
        self.rows[model] += rows

    def load(self, feed: str, stream: str, ago: timedelta, **counts: int) -> None:
        """Add a load that began so long ago and took 90 seconds."""
        self.put("fct_loads", load(feed, stream, ago, **counts))

    def facts(self) -> Facts:
        """Return what the report reads of it, as the BI role."""
        with facts.connect(self.environment) as connection:
            return facts.read(connection)

    def total(self, model: str, column: str) -> int:
        """Return the sum of a column over the rows that were put in."""
        return sum(row[column] for row in self.rows[model])


def load(feed: str, stream: str, ago: timedelta, **counts: int) -> Row:
    """Return a load that began so long ago and took 90 seconds."""
    started = datetime.now(UTC) - ago
    usual = ("in", "inserted", "updated", "deleted", "rejected", "stale")
    return {
        "feed": feed,
        "run_id": f"run-{started.isoformat()}",
        "stream_name": stream,
        **{f"rows_{name}": counts.get(name, 0) for name in usual},
        "load_seconds": 90,
        "data_age_seconds": 95,
        "started_at": started,
        "finished_at": started + timedelta(seconds=90),
    }


def fill(marts: PublicMarts) -> None:
    """Put in a year that went well, and whose totals agree."""
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=back) for back in range(400)]
    months = [_month(today, back) for back in range(480)]
    played = [900 - back * 2 + (back * 37) % 211 for back in range(400)]
    marts.put(
        "metric_plays",
        *({"played_on": day, "plays": plays} for day, plays in zip(days, played, strict=True)),
    )
    marts.put(
        "metric_meetup_attendance_rate",
        *(_attendance(month, back) for back, month in enumerate(months[:30])),
    )
    marts.put(
        "metric_active_artists",
        *(
            {"month_start": month, "active_artists": 60 - back + back * 5 % 7}
            for back, month in enumerate(months[:30])
        ),
    )
    marts.put(
        "metric_songs_released",
        *(
            {"month_start": month, "songs_released": 1 + back * 11 % 9}
            for back, month in enumerate(months)
            if back % 3 == 0
        ),
    )
    slowness = {"artists": 2, "lyrics": 4, "meetups": 3, "plays": 9, "registrations": 6}
    marts.put(
        "metric_load_lag_p95",
        *(
            {
                "loaded_on": day,
                "collection": collection,
                "change_count": 100,
                "load_lag_p95_seconds": slow * 20 + (back * 31 + slow * 7) % 60 + 0.125,
            }
            for back, day in enumerate(days[:35])
            for collection, slow in slowness.items()
        ),
    )
    marts.put("fct_loads", *_loads(played))


def _attendance(month: date, back: int) -> Row:
    expected = 40 + back * 13 % 29
    attended = expected - 5 - back * 7 % 17
    return {
        "month_start": month,
        "attended_count": attended,
        "expected_count": expected,
        "meetup_attendance_rate": round(attended / expected, 4),
    }


def _loads(played: list[int]) -> Iterator[Row]:
    """Yield 35 days of loads, the oldest of which brought all that was there before."""
    first = 34
    for back in range(first + 1):
        ago = timedelta(days=back, minutes=4)
        for stream, rows in {"artists": 70, "lyrics": 600, "meetups": 80, "_files": 750}.items():
            new = rows if back == first else 1 + back % 3
            held = 2 if back % 5 else 0
            refused = 3 if (stream, back % 9) == ("lyrics", 4) else 0
            came = {"in": new + held + refused}
            late = ago + timedelta(minutes=20)
            yield load("files", stream, late, **came, inserted=new, stale=held, rejected=refused)
        for stream, rows in {"registrations": 1800, "lyrics": 200}.items():
            new = rows if back == first else 1 + back % 4
            gone = 2 if stream == "registrations" else 0
            came = {"in": new + gone + 5}
            yield load("mongo", stream, ago, **came, inserted=new, updated=5, deleted=gone)
        new = sum(played[first:]) if back == first else played[back]
        refused = 40 if back == 11 else 0
        yield load("mongo", "plays", ago, **{"in": new + refused}, inserted=new, rejected=refused)


def _month(today: date, back: int) -> date:
    year, month = divmod(today.year * 12 + today.month - 1 - back, 12)
    return date(year, month + 1, 1)
