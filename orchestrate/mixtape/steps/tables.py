"""Where steps write: tables in the schema of the loaded ones, all by the run's id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import psycopg

FILES = "_run_files"
CHECKS = "_run_checks"
INSIGHTS = "_run_insights"
STEPS = "_run_steps"
RUNS = "_runs"

_LOCK = 4_711_092_026
"""Two runs never make the tables at once; any number that nobody else takes."""

_COLUMNS: dict[str, LiteralString] = {
    # The manifest: what this run is to load, and nothing else.
    FILES: """
        run_id text, bucket text, key text, etag text not null, size bigint not null,
        last_modified timestamptz not null, reason text not null, rows bigint, rejected bigint,
        primary key (run_id, bucket, key)
    """,
    # One row for each check and stream; `found` of `looked_at` break it.
    CHECKS: """
        run_id text, name text, stream text, found bigint not null, looked_at bigint not null,
        example text, is_error boolean not null,
        primary key (run_id, name, stream)
    """,
    # One row for each metric of a stream (field '') or of one of its fields.
    INSIGHTS: """
        run_id text, stream text, field text, metric text, number double precision,
        moment timestamptz,
        primary key (run_id, stream, field, metric)
    """,
    STEPS: """
        run_id text, step text, started_at timestamptz not null, finished_at timestamptz,
        seconds double precision, error text, summary jsonb,
        primary key (run_id, step)
    """,
    RUNS: """
        run_id text primary key, workflow text, environment text, tap text not null,
        target text not null, image text, version text not null, started_at timestamptz not null,
        finished_at timestamptz not null, seconds double precision not null, files bigint not null,
        bytes bigint not null, files_left bigint not null, rows_in bigint, rows_inserted bigint,
        rows_updated bigint, rows_deleted bigint, rows_rejected bigint, steps jsonb not null
    """,
}


class Tables:
    """The steps' tables in one schema."""

    def __init__(self, database: psycopg.Connection, schema: str) -> None:
        """Make what is not there yet."""
        self.database = database
        self.schema = schema
        with database.transaction():
            database.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
            for name, columns in _COLUMNS.items():
                database.execute(
                    sql.SQL("create table if not exists {} ({})").format(
                        self.named(name), sql.SQL(columns)
                    )
                )

    def named(self, name: str) -> sql.Identifier:
        """Return a table of the schema."""
        return sql.Identifier(self.schema, name)

    def exists(self, name: str) -> bool:
        """Return whether the schema has a table."""
        found = self.database.execute(
            "select to_regclass(%s) is not null", (self.named(name).as_string(),)
        ).fetchone()
        return found == (True,)

    def select(self, query: LiteralString, values: Mapping[str, Any], **tables: str) -> list[Any]:
        """Return the rows of a query in which tables stand as ``{name}``."""
        named = {place: self.named(name) for place, name in tables.items()}
        return self.database.execute(sql.SQL(query).format(**named), values).fetchall()

    def change(self, query: LiteralString, values: Mapping[str, Any], **tables: str) -> int:
        """Run a statement in which tables stand as ``{name}``; return how many rows it changed."""
        named = {place: self.named(name) for place, name in tables.items()}
        return self.database.execute(sql.SQL(query).format(**named), values).rowcount

    def replace(
        self, name: str, run_id: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> None:
        """Put rows in the place of the run's own, all at once."""
        table = self.named(name)
        every = ["run_id", *columns]
        copy = sql.SQL("copy {} ({}) from stdin").format(
            table, sql.SQL(", ").join(map(sql.Identifier, every))
        )
        with self.database.transaction(), self.database.cursor() as cursor:
            cursor.execute(sql.SQL("delete from {} where run_id = %s").format(table), (run_id,))
            with cursor.copy(copy) as into:
                for row in rows:
                    into.write_row([run_id, *row])
