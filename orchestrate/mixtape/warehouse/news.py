"""What the last published build was made of, and what came since."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

FEEDS = {"files": "raw_files", "mongo": "raw_mongo"}
"""Where the loaders of each feed land it."""

_RECORDS = """
create table if not exists publishing.builds (
    build_id uuid primary key,
    project text not null,
    is_full boolean not null,
    started_at timestamptz not null,
    published_at timestamptz not null
);
create table if not exists publishing.loads_published (
    feed text not null,
    run_id text not null,
    stream_name text not null,
    rows_in bigint,
    rows_inserted bigint,
    rows_updated bigint,
    rows_deleted bigint,
    rows_rejected bigint,
    finished_at timestamptz,
    primary key (feed, run_id, stream_name)
)
"""
_COMMENTS = """
comment on table publishing.builds is 'One row per build that was published.';
comment on table publishing.loads_published is
'One row per load, with the numbers that it had when its rows were published.'
"""
_CHANGED = sql.SQL(
    """
    select count(*), coalesce(sum(loads.rows_in), 0)
    from {loads} as loads
    left join publishing.loads_published as published
        on published.feed = {feed}
        and published.run_id = loads.run_id
        and published.stream_name = loads.stream
    where loads.rows_inserted + loads.rows_updated + loads.rows_deleted + loads.rows_rejected > 0
    and (
        published.rows_in,
        published.rows_inserted,
        published.rows_updated,
        published.rows_deleted,
        published.rows_rejected
    ) is distinct from (
        loads.rows_in,
        loads.rows_inserted,
        loads.rows_updated,
        loads.rows_deleted,
        loads.rows_rejected
    )
    """
)


@dataclass(frozen=True)
class News:
    """What there is to build."""

    loads: int
    """Loads of a stream with rows that are not published."""
    rows: int
    """Records that these loads received."""
    project_changed: bool
    """Whether the models are other than those of the last published build, or there is none."""

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return self.project_changed or self.loads > 0

    def __str__(self) -> str:
        """Say it."""
        found = f"{self.loads} loads brought {self.rows:,} records" if self.loads else "no new rows"
        return f"{found}; the models are new" if self.project_changed else found


def prepare(connection: psycopg.Connection) -> None:
    """Make the tables that remember what is published, unless they are there."""
    if connection.execute("select to_regclass('publishing.loads_published')").fetchone() == (None,):
        connection.execute(_RECORDS)
        connection.execute(_COMMENTS)


def news(connection: psycopg.Connection, digest: str) -> News:
    """Compare what the loaders say with what is published; ``digest`` is the project's."""
    loads = rows = 0
    for feed, schema in FEEDS.items():
        table = sql.Identifier(schema, "_sdc_loads")
        if not exists(connection, f"{schema}._sdc_loads"):
            continue
        found = connection.execute(_CHANGED.format(loads=table, feed=sql.Literal(feed))).fetchone()
        loads += int(found[0]) if found else 0
        rows += int(found[1]) if found else 0
    last = connection.execute(
        "select project from publishing.builds order by published_at desc limit 1"
    ).fetchone()
    return News(loads, rows, last != (digest,))


def project_digest(folder: Path) -> str:
    """Return the SHA-256 of everything that decides what the models say, in hexadecimal."""
    found = hashlib.sha256()
    parts = [
        folder / "dbt_project.yml",
        *(
            path
            for room in ("macros", "models", "snapshots", "tests")
            for path in _files(folder / room)
        ),
    ]
    for path in parts:
        found.update(f"{path.relative_to(folder)}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def exists(connection: psycopg.Connection, relation: str) -> bool:
    """Tell whether the database has a relation of that name."""
    return connection.execute("select to_regclass(%s)", (relation,)).fetchone() != (None,)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in {".sql", ".yml"})
