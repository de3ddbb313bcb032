"""Run the cases, interleaved, on one PostgreSQL; write a table and a chart into docs/."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import measure
import psycopg
from measure import Figures, timed
from rich.console import Console

from loaders import cases, equality, report
from loaders.contenders import Floor, contenders
from mixtape.paths import run_root
from mixtape.services.postgres import Postgres

if TYPE_CHECKING:
    from loaders.cases import Case
    from loaders.contenders import Contender
    from loaders.report import Result

CASES = ("fresh", "again", "plays", "streams", "documents")


def main() -> None:
    """Start a server of the bench's own and run everything."""
    parser = measure.options(__doc__)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES)
    options = parser.parse_args()
    if options.write and (options.scale != 1 or set(options.cases) != set(CASES)):
        parser.error("--write is for all cases at their full size")
    root = run_root() / "bench-loaders"
    postgres = Postgres(root)
    try:
        postgres.start()
        with tempfile.TemporaryDirectory(dir=root) as scratch:
            feeds = cases.make(Path(scratch), options.scale, set(options.cases))
            results = run(Path(scratch), postgres.uri, feeds, options.rounds, root)
    finally:
        postgres.stop()
        shutil.rmtree(root / "postgres", ignore_errors=True)
    Console(width=120).print(report.table(results))
    if options.write:
        report.write(results, options.rounds)


def run(scratch: Path, uri: str, feeds: list[Case], rounds: int, root: Path) -> list[Result]:
    """Let everyone load every case, in turn, ``rounds`` times."""
    console = Console()
    entrants = contenders(root.parent / "bench-peers", uri)
    results = {
        (case.name, one.name): report.Result(case, one.name, Figures())
        for case in feeds
        for one in entrants
    }
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("set timezone to 'UTC'")
        for case in feeds:
            equality.expect(connection, case)
        for number in range(1, rounds + 1):
            for case in feeds:
                for one in entrants:
                    result = results[case.name, one.name]
                    console.print(f"round {number} of {rounds}: {case.title}: {one.name} …")
                    if case.after is None and not isinstance(one, Floor):
                        clear(connection, one)
                        shutil.rmtree(scratch / one.schema, ignore_errors=True)
                    load(connection, one, case, scratch, result)
                    console.print(f"  {result.figures.seconds[-1]:.2f} s {result.said}")
    return list(results.values())


def load(
    connection: psycopg.Connection, one: Contender, case: Case, scratch: Path, result: Result
) -> None:
    """Time one load and look at what it left; a loader that fails is a result too."""
    command = one.command(case, scratch)
    # What the loader before left to be written is not this one's to wait for.
    connection.execute("checkpoint")
    env = {**os.environ, **command.env}
    try:
        timed(result.figures, command.arguments, env=env, stdin=command.stdin)
    except RuntimeError as error:
        result.figures.seconds.append(float("nan"))
        result.differences = [str(error).strip().splitlines()[-1][:200]]
        return
    result.differences = equality.differences(connection, case, one.schema)


def clear(connection: psycopg.Connection, one: Contender) -> None:
    """Remove what ``one`` loaded before."""
    for schema in (one.schema, f"{one.schema}_staging"):
        connection.execute(f'drop schema if exists "{schema}" cascade'.encode())
    connection.execute(f'create schema "{one.schema}"'.encode())


if __name__ == "__main__":
    main()
