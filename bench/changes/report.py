"""The figures as tables for people, and a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import page
from page import Columns

from changes.contenders import FLOOR, OURS, PEER
from changes.table import BOTH, TAP, TARGET

if TYPE_CHECKING:
    from measure import Figures
    from rich.table import Table as Shown

    from changes.feeds import Case
    from changes.table import Table

_COLUMNS = Columns(
    (
        "case",
        "who",
        "seconds",
        "of them starting",
        "per second, started",
        "time to bare pymongo",
        "rate to the peer's, started",
        "peak MB",
        "read",
    ),
    {"case", "who", "read"},
)
_TABLE_COLUMNS = Columns(("what", "seconds", "time to the slower half", "rows"), {"what", "rows"})


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
    return [_COLUMNS.terminal(_rows(results)), _TABLE_COLUMNS.terminal(_table_rows(table))]


def write(results: list[Result], table: Table, rounds: int) -> None:
    """Write the page below docs/."""
    text = (
        f"Written by `make bench-changes`; do not edit. The median of {rounds}, everyone taking"
        " turns on one SecantusDB (a stand-in for mongod, written in Python), which shares the"
        " machine's cores with whoever reads. Whole processes writing to a file; *starting* is"
        " the same over an empty collection. Bare pymongo drains raw batches, or a raw change"
        " stream, and looks into none; once more it has the server leave `updateDescription`"
        " out of events, as mixtape does, which this server takes long for. Machines differ: read"
        " the ratios."
    )
    page.write(
        "changes",
        "Reading MongoDB, side by side",
        text,
        _COLUMNS.markdown(_rows(results)),
        f"## From tap to table: {table.case.title}",
        _TABLE_COLUMNS.markdown(_table_rows(table)),
    )


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
