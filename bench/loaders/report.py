"""The figures as a table for people, a page and a chart."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import page
import pygal
from page import Columns
from pygal.style import LightSolarizedStyle

if TYPE_CHECKING:
    from measure import Figures
    from rich.table import Table

    from loaders.cases import Case

_OURS = "mixtape"
_FLOOR = "psql, ready-made text"
_CHART = "loaders.svg"
_COLUMNS = Columns(
    (
        "case",
        "loader",
        "seconds",
        "rows/s",
        "time to mixtape's",
        "time to the floor",
        "peak MB",
        "tables compared with the input",
    ),
    {"case", "loader", "tables compared with the input"},
)


@dataclass
class Result:
    """One loader's runs of one case, and what was wrong with the last one's tables."""

    case: Case
    loader: str
    figures: Figures
    differences: list[str] = field(default_factory=list)

    @property
    def said(self) -> str:
        """The differences in one phrase."""
        return "; ".join(self.differences) or "equal"

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.case.rows / self.figures.median


def table(results: list[Result]) -> Table:
    """Return all figures for a terminal."""
    return _COLUMNS.terminal(_rows(results))


def write(results: list[Result], rounds: int) -> None:
    """Write the page and its chart below docs/."""
    text = (
        "Written by `make bench-loaders`; do not edit. Wall time of whole processes, start-up"
        f" included, the median of {rounds}, everyone taking turns on one"
        " PostgreSQL 18. Machines differ: read the ratios. Tables were compared with the input"
        " after each load. Validation is on unless the name says tuned"
        " (`use_copy`, no validation, batches of 50,000)."
    )
    chart = f"![Time to load, by case and loader]({_CHART})"
    rows = _COLUMNS.markdown(_rows(results))
    page.write("loaders", "Loaders for PostgreSQL, side by side", text, chart, rows)
    _draw(results)


def _rows(results: list[Result]) -> list[tuple[str, ...]]:
    median = {(one.case.name, one.loader): one.figures.median for one in results}
    rows: list[tuple[str, ...]] = []
    for one in results:
        taken = one.figures.median
        ours, floor = median[one.case.name, _OURS], median[one.case.name, _FLOOR]
        rows.append(
            (
                one.case.title,
                one.loader,
                f"{taken:.2f}",
                f"{one.rate:,.0f}",
                f"{taken / ours:.1f} x",
                f"{taken / floor:.2f} x",
                f"{one.figures.peak:.0f}" if one.figures.megabytes else "",
                one.said,
            )
        )
    return rows


def _draw(results: list[Result]) -> None:
    """Draw a group of bars for each case: everyone's time as a multiple of ours."""
    ours = {one.case.name: one.figures.median for one in results if one.loader == _OURS}
    loaders = list(dict.fromkeys(one.loader for one in results))
    chart = pygal.HorizontalBar(
        title="Time to load, as a multiple of mixtape's (shorter is better)",
        x_labels=list(dict.fromkeys(one.case.title for one in results))[::-1],
        style=LightSolarizedStyle,
        print_values=True,
        formatter=lambda value: f"{value:.1f} x",
        legend_at_bottom=True,
        legend_at_bottom_columns=2,
        width=900,
        height=160 + 130 * len(ours),
        js=[],
        no_prefix=True,
    )
    for loader in loaders:
        bars = [one for one in results if one.loader == loader][::-1]
        ratios = [one.figures.median / ours[one.case.name] for one in bars]
        chart.add(loader, [None if math.isnan(ratio) else ratio for ratio in ratios])
    chart.render_to_file(str(page.FOLDER / _CHART))
