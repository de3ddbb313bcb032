"""What 10,000 new plays cost the warehouse, beside 100,000 plays and beside 10,000,000.

dbt's own execution times, models and tests apart, the median of several loads of 10,000 plays of
the newest day and a few late ones; the rest of a build (start-up, parsing) does not know how many
rows there are.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from rich.console import Console
from rich.table import Table

from mixtape.paths import project_root, run_root
from mixtape.services.postgres import Postgres, client_environment, conninfo_uri
from mixtape.warehouse import build

if TYPE_CHECKING:
    from mixtape.warehouse import Outcome

ADDED = 10_000
_LYRICS, _DAYS = 1_000, 365
_SCENE = """
insert into artists (_id, artist_id, name, updated_at, _sdc_lsn, _sdc_batched_at)
select n::text, md5('artist' || n)::uuid, 'Artist ' || n, '2026-01-01', 1, clock_timestamp()
from generate_series(1, 100) as n;
insert into lyrics
(_id, lyric_id, title, lyrics, credits, released_date, updated_at, _sdc_lsn, _sdc_batched_at)
select
    n::text, md5('lyric' || n)::uuid, 'Lyric ' || n, 'one two three ' || n,
    jsonb_build_array(jsonb_build_object(
        'artist_id', md5('artist' || 1 + n % 100)::uuid, 'role', 'singer', 'position', 1
    )),
    '2025-01-01'::date + n % 365, '2026-01-01', 1, clock_timestamp()
from generate_series(1, {lyrics}) as n
"""
_PLAYS = """
insert into plays (
    _id, play_id, lyric_id, country, client, duration_ms, played_at, _sdc_lsn, _sdc_batched_at
)
select
    play_id::text, play_id, md5('lyric' || 1 + (n * 7919) % {lyrics})::uuid,
    (array['AT', 'IN', 'NG', 'US'])[1 + n % 4], 'web', n % 200000,
    timestamptz '2026-01-01' + ((n * 104729) % {days}) * interval '1 day'
    + (n % 86400) * interval '1 second',
    n, clock_timestamp()
from (
    select n, md5('play' || n)::uuid as play_id
    from generate_series({first}::bigint, {last}::bigint) as n
) as numbered
"""
_INDEXES = """
create index on plays (_sdc_batched_at);
create index on plays (play_id);
analyze plays
"""
_LOAD = """
insert into _sdc_loads (
    run_id, stream, rows_in, rows_inserted, rows_updated, rows_deleted, rows_rejected, rows_stale,
    started_at, finished_at
)
select gen_random_uuid()::text, %s, %s, %s, 0, 0, 0, 0, transaction_timestamp(), clock_timestamp()
"""


@dataclass(frozen=True)
class Cost:
    """What one build cost, in seconds."""

    models: float
    tests: float
    publishing: float
    nodes: dict[str, float]
    """Seconds of each model and test."""


def main() -> None:
    """Make a warehouse of each size and let it grow; print what that cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 10_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    costs = {size: grown(size, options.rounds) for size in options.sizes}
    table = Table(title=f"{ADDED:,} plays more, seconds (median of {options.rounds})")
    for title in ("plays before", "models", "tests", "publishing"):
        table.add_column(title, justify="right")
    for size, cost in costs.items():
        table.add_row(
            f"{size:,}", f"{cost.models:.2f}", f"{cost.tests:.2f}", f"{cost.publishing:.2f}"
        )
    least, most = costs[min(costs)], costs[max(costs)]
    table.add_row(
        "ratio", f"{most.models / least.models:.2f}", f"{most.tests / least.tests:.2f}", ""
    )
    console = Console(width=110)
    console.print(table)
    grew = sorted(most.nodes, key=lambda name: least.nodes.get(name, 0) - most.nodes[name])
    console.print("what grew most, in seconds:")
    for name in grew[:10]:
        console.print(f"  {least.nodes.get(name, 0):6.2f} → {most.nodes[name]:6.2f}  {name}")


def grown(size: int, rounds: int) -> Cost:
    """Return the median cost of adding plays to a warehouse of ``size`` plays."""
    root = run_root() / "bench-warehouse"
    server = Postgres(root)
    try:
        server.start()
        os.environ |= client_environment(server.uri) | {
            "DBT_TARGET": "dev",
            "DBT_TARGET_PATH": str(root / "target"),
        }
        with psycopg.connect(conninfo_uri(server.uri, "loader"), autocommit=True) as loader:
            loader.execute("set search_path = raw_files")
            _make(loader, "raw_files")
            loader.execute("set search_path = raw_mongo")
            _make(loader, "raw_mongo")
            loader.execute(_SCENE.format(lyrics=_LYRICS).encode())
            _add(loader, 1, size)
            loader.execute(_INDEXES)
            build()
            found = []
            for number in range(rounds):
                first = size + 1 + number * ADDED
                _add(loader, first, first + ADDED - 1)
                found.append(_cost(build()))
    finally:
        server.stop()
        shutil.rmtree(root, ignore_errors=True)
    return Cost(
        statistics.median(cost.models for cost in found),
        statistics.median(cost.tests for cost in found),
        statistics.median(cost.publishing for cost in found),
        {name: statistics.median(cost.nodes[name] for cost in found) for name in found[0].nodes},
    )


def _make(loader: psycopg.Connection, schema: str) -> None:
    ddl = project_root() / "extract" / "rap_model" / "generated" / f"{schema}.sql"
    loader.execute(ddl.read_bytes())


def _add(loader: psycopg.Connection, first: int, last: int) -> None:
    """Load plays ``first`` to ``last``: the first load over a year, later ones of its last day."""
    with loader.transaction():
        loader.execute(_LOAD, ("plays", last - first + 1, last - first + 1))
        days = _DAYS if first == 1 else 1
        plays = _PLAYS.format(lyrics=_LYRICS, days=days, first=first, last=last)
        if first > 1:
            plays = plays.replace("timestamptz '2026-01-01'", "timestamptz '2026-12-31'")
        loader.execute(plays.encode())


def _cost(outcome: Outcome) -> Cost:
    seconds = {"model": 0.0, "test": 0.0}
    for node in outcome.nodes:
        if node.kind in seconds:
            seconds[node.kind] += node.seconds
    nodes = {node.name: node.seconds for node in outcome.nodes if node.kind in seconds}
    return Cost(seconds["model"], seconds["test"], outcome.waited, nodes)


if __name__ == "__main__":
    main()
