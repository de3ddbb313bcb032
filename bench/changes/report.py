"""The figures as tables for people, and a page."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.table import Table as Shown

from changes.contenders import FLOOR, OURS, PEER
from changes.table import BOTH, TAP, TARGET
from mixtape.paths import project_root

if TYPE_CHECKING:
    from measure import Figures

    from changes.feeds import Case
    from changes.table import Table

_PAGE = "docs/benchmarks/changes.md"
_TITLES = (
    "case",
    "who",
    "seconds",
    "of them starting",
    "per second, started",
    "time to bare pymongo",
    "rate to the peer's, started",
    "peak MB",
    "read",
)
_TABLE_TITLES = ("what", "seconds", "time to the slower half", "rows")


@dataclass
class Result:
    """One contender's runs of one case, and what the last one gave."""

    case: Case
    who: str
    figures: Figures
    starting: Figures
    """The same over an empty collection."""
    said: str = ""

    @property
    def rate(self) -> float:
        """Documents or events a second, once started."""
        return self.case.number / max(self.figures.median - self.starting.median, 1e-9)


def tables(results: list[Result], table: Table) -> list[Shown]:
    """Return all figures for a terminal."""
    shown = []
    for titles, rows in ((_TITLES, _rows(results)), (_TABLE_TITLES, _table_rows(table))):
        found = Shown(title="median of all rounds")
        for title in titles:
            found.add_column(title)
        for row in rows:
            found.add_row(*row)
        shown.append(found)
    return shown


def write(results: list[Result], table: Table, rounds: int) -> None:
    """Write the page below docs/."""
    lines = [
        "# Reading MongoDB, side by side",
        "",
        (
            f"Written by `make bench-changes`; do not edit. The median of {rounds}, everyone taking"
            " turns on one SecantusDB (a stand-in for mongod, written in Python), which shares the"
            " machine's cores with whoever reads. Whole processes writing to a file; *starting* is"
            " the same over an empty collection. Bare pymongo drains raw batches, or a raw change"
            " stream, and looks into none; once more it has the server leave `updateDescription`"
            " out of events and split large ones, as mixtape does, which this server takes long"
            " for. Machines differ: read the ratios."
        ),
        "",
        (
            f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python"
            f" {platform.python_version()}, load average {os.getloadavg()[2]:.0f} over the last"
            " quarter of an hour: above the number of cores, everybody waits."
        ),
        "",
        *_markdown(_TITLES, _rows(results), 2),
        "",
        f"## From tap to table: {table.case.title}",
        "",
        *_markdown(_TABLE_TITLES, _table_rows(table), 1),
        "",
    ]
    page = project_root() / _PAGE
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(lines))


def _markdown(titles: tuple[str, ...], rows: list[tuple[str, ...]], texts: int) -> list[str]:
    marks = [*["---"] * texts, *["--:"] * (len(titles) - texts - 1), "---"]
    return ["| " + " | ".join(row) + " |" for row in (titles, tuple(marks), *rows)]


def _rows(results: list[Result]) -> list[tuple[str, ...]]:
    by = {(one.case.collection, one.who): one for one in results}
    rows: list[tuple[str, ...]] = []
    for one in results:
        floor, peer = (by[one.case.collection, who] for who in (FLOOR, PEER))
        rows.append(
            (
                one.case.title,
                one.who,
                f"{one.figures.median:.1f}",
                f"{one.starting.median:.1f}",
                f"{one.rate:,.0f}",
                f"{one.figures.median / floor.figures.median:.2f} x",
                f"{one.rate / peer.rate:.1f} x" if one.who == OURS else "",
                f"{one.figures.peak:.0f}",
                one.said,
            )
        )
    return rows


def _table_rows(table: Table) -> list[tuple[str, ...]]:
    slower = max(table.figures[name].median for name in (TAP, TARGET))
    return [
        (
            name,
            f"{found.median:.1f}",
            f"{found.median / slower:.2f} x",
            table.said if name == BOTH else "",
        )
        for name, found in table.figures.items()
    ]
