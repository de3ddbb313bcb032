"""The figures as a table for people, and a page."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.table import Table

from mixtape.paths import project_root

if TYPE_CHECKING:
    from measure import Figures

    from files.cases import Case

_PAGE = "docs/benchmarks/files.md"
_TITLES = ("case", "who", "seconds", "per second", "to the floor", "less start-up", "peak MB")


@dataclass
class Result:
    """One program's runs of one case."""

    case: Case
    who: str
    figures: Figures
    floor: Figures | None = None
    """The least that the same can cost; None for a floor itself."""
    start: Figures | None = None
    """The program's start alone."""


def table(results: list[Result]) -> Table:
    """Return all figures for a terminal."""
    found = Table(title="median of all rounds")
    for title in _TITLES:
        found.add_column(title, justify="left" if title in {"case", "who"} else "right")
    for row in map(_row, results):
        found.add_row(*row)
    return found


def write(results: list[Result], rounds: int) -> None:
    """Write the page below docs/."""
    lines = [
        "# Reading files, side by side",
        "",
        (
            f"Written by `make bench-files`; do not edit. The median of {rounds}, everyone taking"
            " turns on one MinIO and one PostgreSQL, which share the machine's cores with whoever"
            " reads or writes. Whole processes, writing to a file. The floor of reading is a bare"
            " concurrent download plus the parser that the tap uses, whose values nobody looks at;"
            " that of finding nothing new is a bare listing; that of loading is `psql \\copy` of"
            " ready-made text into the same keyed table. Machines differ: read the ratios."
        ),
        "",
        (
            f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()}"
            f" cores at a load of {os.getloadavg()[2]:.0f}."
        ),
        "",
        "| " + " | ".join(_TITLES) + " |",
        "|---|---|--:|--:|--:|--:|--:|",
        *("| " + " | ".join(_row(one)) + " |" for one in results),
        "",
    ]
    page = project_root() / _PAGE
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(lines))


def _row(one: Result) -> tuple[str, ...]:
    taken, ratio, working = one.figures.median, "", ""
    if one.floor:
        ratio = f"{taken / one.floor.median:.2f} x"
    if one.floor and one.start:
        working = f"{(taken - one.start.median) / one.floor.median:.2f} x"
    return (
        one.case.title,
        one.who,
        f"{taken:.2f}",
        f"{one.case.number / taken:,.0f}",
        ratio,
        working,
        f"{one.figures.peak:.0f}",
    )
