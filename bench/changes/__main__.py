"""Run the cases, interleaved, on one server; write the figures into docs/."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import measure
from measure import Figures, timed
from pymongo import MongoClient
from rich.console import Console

from changes import feeds, report
from changes.contenders import ASKING_ALIKE, OUR_STAGES, Floor, contenders
from changes.floor import DATABASE
from changes.table import Table
from mixtape.paths import run_root
from mixtape.services.mongodb import Mongodb
from mixtape.services.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pymongo.database import Database

    from changes.contenders import Contender
    from changes.feeds import Case

console = Console(width=120)
SHORT, LONG = "2000", "1000000"
"""Entries of the oplog. SecantusDB decodes all of it to open a change stream at a time, and whoever
asks by a token does not pay for that: so there is next to none while documents are read."""


def main() -> None:
    """Start servers of the bench's own and run everything."""
    options = measure.options(__doc__).parse_args()
    root = run_root() / "bench-changes"
    mongodb, postgres = Mongodb(root), Postgres(root)
    try:
        with tempfile.TemporaryDirectory(dir=_made(root)) as scratch:
            results, table = run(
                mongodb, postgres, Path(scratch), scale=options.scale, rounds=options.rounds
            )
    finally:
        mongodb.stop()
        postgres.stop()
        shutil.rmtree(root, ignore_errors=True)
    for found in report.tables(results, table):
        console.print(found)
    if options.write:
        report.write(results, table, options.rounds)


def run(
    mongodb: Mongodb, postgres: Postgres, scratch: Path, *, scale: float, rounds: int
) -> tuple[list[report.Result], Table]:
    """Let everyone read every case, in turn, ``rounds`` times; documents first, then events."""
    database = _serve(mongodb, SHORT)
    entrants = contenders(mongodb.home.parent.parent / "bench-peers", mongodb.uri, scratch)
    console.print("writing documents …")
    cases = feeds.snapshots(database, scale)
    results = _drain(entrants, cases, scratch, rounds)
    postgres.start()
    table = Table(postgres.uri, entrants[0], cases[0], scratch)
    for number in range(1, rounds + 1):
        console.print(f"round {number} of {rounds}: from tap to table …")
        table.round()
    postgres.stop()
    mongodb.stop()

    entrants.insert(-1, Floor(mongodb.uri, ASKING_ALIKE, OUR_STAGES))
    database = _serve(mongodb, LONG)
    database.create_collection("events")
    for one in entrants:
        one.begin("events")
        one.begin(feeds.EMPTY)
    console.print("writing events …")
    case = feeds.history(database, scale)
    return [*results, *_drain(entrants, [case], scratch, rounds)], table


def _drain(
    entrants: Sequence[Contender], cases: Sequence[Case], scratch: Path, rounds: int
) -> list[report.Result]:
    results = [
        report.Result(case, one.name, Figures(), Figures()) for case in cases for one in entrants
    ]
    output = scratch / "output"
    for case in cases:
        # The first to read fills the server's cache, for which nobody is to pay.
        timed(Figures(), entrants[-1].command(case.collection, case.kind), env=os.environ)
    for number in range(1, rounds + 1):
        for result in results:
            case = result.case
            one = next(one for one in entrants if one.name == result.who)
            for collection, figures in (
                (feeds.EMPTY, result.starting),
                (case.collection, result.figures),
            ):
                command = one.command(collection, case.kind)
                timed(figures, command, env=os.environ, stdout=output)
            found = one.count(output)
            result.said = "all" if found == case.number else f"{found:,}"
            console.print(
                f"round {number} of {rounds}: {case.title}: {one.name}:"
                f" {result.figures.seconds[-1]:.2f} s {result.said}"
            )
    return results


def _serve(mongodb: Mongodb, entries: str) -> Database[dict[str, Any]]:
    mongodb.options = ("--oplog-max-entries", entries, "--cache-size", "2G")
    mongodb.start()
    return MongoClient(mongodb.uri)[DATABASE]


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    main()
