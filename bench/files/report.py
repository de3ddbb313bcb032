"""The figures as a table for people, and a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import page
from page import Columns

if TYPE_CHECKING:
    from measure import Figures
    from rich.table import Table

    from files.cases import Case

_COLUMNS = Columns(
    ("case", "who", "seconds", "per second", "to the floor", "less start-up", "peak MB"),
    {"case", "who"},
)


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
    return _COLUMNS.terminal([_row(one) for one in results])


def write(results: list[Result], rounds: int) -> None:
    """Write the page below docs/."""
    text = (
        f"Written by `make bench-files`; do not edit. The median of {rounds}, everyone taking"
        " turns on one MinIO and one PostgreSQL, which share the machine's cores with whoever"
        " reads or writes. Whole processes, writing to a file. The floor of reading is a bare"
        " concurrent download plus the parser that the tap uses, whose values nobody looks at;"
        " that of finding nothing new is a bare listing; that of loading is `psql \\copy` of"
        " ready-made text into the same keyed table. Machines differ: read the ratios."
    )
    rows = _COLUMNS.markdown([_row(one) for one in results])
    page.write("files", "Reading files, side by side", text, rows)


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
