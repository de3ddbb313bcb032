"""One screen on the last load: what came, what was refused, and what the facts now say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import conninfo, sql
from rich.console import Console
from rich.table import Table

from mixtape.environment import run_environment
from mixtape.services import Service

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mixtape.services import Part

_RAW_SCHEMA = "raw_files"
_SHOWN_FAULTS = 5

# What the tap refused comes as a stream of its own beside the one it would have been in; what
# the target refused is counted on the stream itself.
_STREAMS = sql.SQL("""
    select
        load.stream,
        load.rows_in,
        load.rows_inserted,
        load.rows_updated,
        load.rows_deleted,
        load.rows_rejected + coalesce(refused.rows_in, 0)
    from {schema}._sdc_loads as load
    left join {schema}._sdc_loads as refused
        on refused.run_id = load.run_id and refused.stream = load.stream || '__rejected'
    where load.run_id = %s and load.stream !~ '__rejected$'
    order by load.stream
""").format(schema=sql.Identifier(_RAW_SCHEMA))

_FACTS = {
    "The wordiest releases (marts.fct_lyric_releases)": """
        select
            lyric.title,
            artist.name as lead_artist,
            release.word_count as words,
            round(release.type_token_ratio, 2) as variety
        from marts.fct_lyric_releases as release
        inner join marts.dim_lyrics as lyric using (lyric_id)
        left join marts.dim_artists as artist on artist.artist_id = release.lead_artist_id
        order by release.word_count desc, lyric.title
        limit 3
    """,
    "What is played most (marts.fct_lyric_days)": """
        select
            lyric.title,
            sum(day.play_count) as plays,
            round(sum(day.played_minutes)) as minutes,
            max(day.listener_country_count) as most_countries_a_day
        from marts.fct_lyric_days as day
        inner join marts.dim_lyrics as lyric using (lyric_id)
        group by lyric.lyric_id, lyric.title
        order by plays desc, lyric.title
        limit 3
    """,
    "What is played at meetups (marts.fct_meetup_performances)": """
        select
            lyric.title,
            count(*) as performances,
            count(distinct performance.meetup_id) as meetups
        from marts.fct_meetup_performances as performance
        inner join marts.dim_lyrics as lyric using (lyric_id)
        group by lyric.lyric_id, lyric.title
        order by performances desc, lyric.title
        limit 3
    """,
}


@dataclass(frozen=True)
class Load:
    """What the last run brought, and what the marts hold after it."""

    run_id: str | None = None
    #: (stream, received, new, changed, deleted, rejected), rows
    streams: Sequence[tuple[str, int, int, int, int, int]] = ()
    #: (source, JSON path, what is wrong) of what waits for a repair
    faults: Sequence[tuple[str, str, str]] = ()
    facts: dict[str, tuple[list[str], list[tuple[Any, ...]]]] = field(default_factory=dict)

    @property
    def rejected(self) -> int:
        """Rows that this run refused."""
        return sum(row[5] for row in self.streams)

    @property
    def files(self) -> tuple[int, int, int]:
        """Files that are new, changed and gone."""
        for stream, _, new, changed, deleted, _ in self.streams:
            if stream == "_files":
                return new, changed, deleted
        return 0, 0, 0


def last_load(parts: Iterable[Part]) -> Load:
    """Read the newest run from `_sdc_loads` as the loader, and facts as the BI role.

    Returns:
        An empty Load when nothing was ever loaded.
    """
    given = run_environment(parts)
    with psycopg.connect(_loader(given)) as database:
        if not _exists(database, f"{_RAW_SCHEMA}._sdc_loads"):
            return Load()
        run_id = _value(
            database,
            "select run_id from {}._sdc_loads order by started_at desc, run_id limit 1",
        )
        streams = database.execute(_STREAMS, (run_id,)).fetchall()
        faults = _faults(database)
    return Load(run_id, streams, faults, _facts(given["BI_READER_URI"]))


def changes(parts: Iterable[Part]) -> str:
    """Return the rows that the newest run brought from MongoDB, by stream, as a sentence."""
    with psycopg.connect(_loader(run_environment(parts))) as database:
        found = database.execute(
            "select stream, rows_in from raw_mongo._sdc_loads where rows_in > 0 and run_id = ("
            " select run_id from raw_mongo._sdc_loads order by started_at desc, run_id limit 1)"
            " order by stream"
        ).fetchall()
    return ", ".join(f"{stream} {rows:,}" for stream, rows in found) or "none"


def _loader(given: Mapping[str, str]) -> str:
    """Return the loader's address."""
    return conninfo.make_conninfo(
        host=given["TARGET_POSTGRES_HOST"],
        port=given["TARGET_POSTGRES_PORT"],
        user=given["TARGET_POSTGRES_USER"],
        password=given["TARGET_POSTGRES_PASSWORD"],
        dbname=given["TARGET_POSTGRES_DATABASE"],
        sslmode=given["TARGET_POSTGRES_SSL_MODE"],
    )


def show_parts(parts: Iterable[Part]) -> None:
    """Print each part, whether it answers, and where."""
    table = Table(box=None, pad_edge=False)
    for title in ("part", "is", "state", "at"):
        table.add_column(title)
    for part in parts:
        up = part.running if isinstance(part, Service) else part.ready()
        at = part.url if up else ""
        table.add_row(part.name, part.title, "up" if up else "down", at)
    Console().print(table)


def show(load: Load) -> None:
    """Print a load on one screen."""
    console = Console(highlight=False)
    if load.run_id is None:
        console.print("\nNothing was loaded yet: meltano run files-to-postgres transform")
        return
    new, changed, gone = load.files
    console.print(f"\n[bold]Run {load.run_id}[/]")
    loaded = sum(row[2] + row[3] for row in load.streams if row[0] != "_files")
    if not (loaded or new or changed or gone or load.rejected):
        console.print("0 new rows: every file is as the last run left it.")
    else:
        console.print(
            f"Files: {new} new, {changed} changed, {gone} removed. "
            f"Rows: {loaded} loaded, {load.rejected} rejected."
        )
        _print_table(
            console,
            ["stream", "received", "new", "changed", "deleted", "rejected"],
            [row for row in load.streams if row[0] != "_files"],
        )
    _show_faults(console, load.faults)
    for title, (columns, rows) in load.facts.items():
        console.print(f"\n[bold]{title}[/]")
        _print_table(console, columns, rows)


def _show_faults(console: Console, faults: Sequence[tuple[str, str, str]]) -> None:
    if not faults:
        return
    console.print(
        f"\n[bold]In quarantine: {len(faults)}[/] ({_RAW_SCHEMA}.*__rejected; "
        "repair the file and run again)"
    )
    for source, path, message in faults[:_SHOWN_FAULTS]:
        line = f"{source}  {path}  {message}"
        console.print(line, markup=False, no_wrap=True, overflow="ellipsis")
    if (more := len(faults) - _SHOWN_FAULTS) > 0:
        console.print(f"… and {more} more")


def _faults(database: psycopg.Connection) -> list[tuple[str, str, str]]:
    """Return the faults of files as they are now: a repaired or removed file has none."""
    tables = database.execute(
        "select tablename from pg_tables where schemaname = %s"
        " and tablename like '%%\\_\\_rejected' order by tablename",
        (_RAW_SCHEMA,),
    ).fetchall()
    found: list[tuple[str, str, str]] = []
    for (table,) in tables:
        found += database.execute(
            sql.SQL(
                "select rejected.source_key, rejected.error_path, rejected.error_message"
                " from {schema}.{table} as rejected"
                " inner join {schema}._files as files"
                " on files.bucket = rejected._sdc_source_bucket"
                " and files.key = rejected._sdc_source_file"
                " and files.seen_etag = rejected._sdc_source_etag"
                " where files._sdc_deleted_at is null"
                " order by 1, 2"
            ).format(schema=sql.Identifier(_RAW_SCHEMA), table=sql.Identifier(table))
        ).fetchall()
    return found


def _facts(uri: str) -> dict[str, tuple[list[str], list[tuple[Any, ...]]]]:
    found = {}
    with psycopg.connect(uri) as database:
        for title, query in _FACTS.items():
            try:
                cursor = database.execute(query)
            except psycopg.errors.UndefinedTable:  # loaded, but not transformed yet
                return {}
            columns = [column.name for column in cursor.description or ()]
            found[title] = (columns, cursor.fetchall())
    return found


def _print_table(
    console: Console, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    body = [["" if cell is None else str(cell) for cell in row] for row in rows]
    for number, column in enumerate(columns):
        numeric = all(row[number].replace(".", "").isdigit() for row in body)
        table.add_column(column, justify="right" if numeric else "left", overflow="ellipsis")
    for row in body:
        table.add_row(*row)
    console.print(table)


def _exists(database: psycopg.Connection, table: str) -> bool:
    row = database.execute("select to_regclass(%s) is not null", (table,)).fetchone()
    return bool(row and row[0])


def _value(database: psycopg.Connection, query: str) -> Any:
    row = database.execute(_raw(query)).fetchone()
    return row[0] if row else None


def _raw(query: str) -> sql.Composed:
    return sql.SQL(query).format(sql.Identifier(_RAW_SCHEMA))
