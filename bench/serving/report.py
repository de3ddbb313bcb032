"""The figures as a table for people, and a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import page
from page import Columns

if TYPE_CHECKING:
    from measure import Figures
    from rich.table import Table

    from serving.contenders import Case

_FLOOR = "DataStax driver, execute_concurrent_with_args"
_COLUMNS = Columns(
    ("case", "who", "seconds", "of", "rows/s", "times as fast as the driver", "goal", "MB", "rows"),
    {"case", "who", "of", "rows"},
)


@dataclass
class Result:
    """One contender's runs of one case, and what the last one left."""

    case: Case
    who: str
    rows: int
    figures: Figures
    said: str = ""


def table(results: list[Result]) -> Table:
    """Return all figures for a terminal."""
    return _COLUMNS.terminal(_rows(results))


def write(results: list[Result], lyrics: int) -> None:
    """Write the page below docs/."""
    text = (
        f"Written by `make bench-serving`; do not edit. {lyrics:,} lyrics on one Cassandra 5.0"
        " node, the median of as many loads as are listed, everyone taking turns; the node has been"
        " warmed up, and is at rest before each load. target-cassandra reads Singer messages and is"
        " timed as a whole process, as cqlsh is; the driver is given rows that are ready in its"
        " memory, and only its writing counts. All rows were compared with the input after each"
        " load. Server and loader share the machine, and machines differ: read the ratios."
        " [Decision 17](../decisions/0017-straight-to-a-replica.md) says where the time goes."
    )
    page.write(
        "serving", "Filling Cassandra, side by side", text, _COLUMNS.markdown(_rows(results))
    )


def _rows(results: list[Result]) -> list[tuple[str, ...]]:
    floor = {one.case.table: one.figures.median for one in results if one.who == _FLOOR}
    rows: list[tuple[str, ...]] = []
    for one in results:
        taken = one.figures.median
        is_ours = one.who.startswith("target-cassandra")
        rows.append(
            (
                one.case.title,
                one.who,
                f"{taken:.1f}",
                " ".join(f"{seconds:.1f}" for seconds in one.figures.seconds),
                f"{one.rows / taken:,.0f}",
                f"{floor[one.case.table] / taken:.1f}",
                f"{one.case.goal}" if is_ours else "",
                f"{one.figures.peak:.0f}" if one.figures.megabytes else "",
                one.said,
            )
        )
    return rows
