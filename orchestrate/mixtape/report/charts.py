"""Charts as SVG that takes its colours from the page, so that one drawing fits light and dark.

They are drawn here, once, by Vega-Lite: the page needs no script and no network.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import vl_convert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# On a phone a chart is about as wide as this; on a wider page several stand side by side.
_WIDTH, _HEIGHT = 300, 170
_SERIES = [f"var(--series-{number})" for number in range(1, 6)]
_CONFIG = {
    "aria": False,
    "background": None,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--muted)",
        "labelFontSize": 11,
        "titleColor": "var(--muted)",
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
    },
    "axisX": {"grid": False, "labelFlush": 16},
    "axisY": {"domain": False, "ticks": False, "tickCount": 4},
    "legend": {
        "orient": "top",
        "direction": "horizontal",
        "columns": 3,
        "labelColor": "var(--ink)",
        "labelFontSize": 11,
        "symbolSize": 60,
        "title": None,
    },
}
_TICKS, _TICK_MONTHS, _TICK_DAYS = 4, 6, 7
_SMALL, _LARGE = 4, 100_000
# What browsers need of the drawing; the page says the rest.
_NEEDLESS = re.compile(
    r' (aria-[a-z]+|role|class|pointer-events|font-family)="[^"]*"| opacity="1"'
    r'|<path d="M0,0h0v0h0Z"/>'
)
_SIZE = re.compile(r'<svg [^>]*viewBox="([^"]*)"[^>]*>')


@dataclass(frozen=True)
class Span:
    """The time that a chart shows: from the first day to the day after the last."""

    first: date
    end: date
    #: Vega-Lite's name of the step: date, month or year
    step: str

    @property
    def time_unit(self) -> str:
        """The step in UTC, which is what every day of ours is in."""
        return {"date": "utcyearmonthdate", "month": "utcyearmonth", "year": "utcyear"}[self.step]

    @property
    def ticks(self) -> list[date]:
        """The steps that are named on the axis: the last one and some before it."""
        if self.step == "year":
            every = max(1, (self.end.year - self.first.year) // _TICKS)
            return [date(year, 1, 1) for year in range(self.end.year - 1, self.first.year, -every)]
        if self.step == "month":
            last = self.end.year * 12 + self.end.month - 2
            months = range(last, self.first.year * 12 + self.first.month - 2, -_TICK_MONTHS)
            return [date(month // 12, month % 12 + 1, 1) for month in months]
        days = (self.end - self.first).days
        return [self.end - timedelta(days=1 + back) for back in range(0, days, _TICK_DAYS)]

    @property
    def label(self) -> str:
        """How a step is written on the axis."""
        return {"date": "%-d %b", "month": "%b %y", "year": "%Y"}[self.step]


@dataclass(frozen=True)
class Chart:
    """What is drawn: one or more series of (day, value) over a span of time."""

    title: str
    span: Span
    series: Mapping[str, Sequence[tuple[date, float]]]
    #: bars stand for counts of a time, lines for what is measured at one
    lines: bool = False
    #: the values are shares of one
    share: bool = False
    y_title: str | None = None
    #: name the series also where there is one
    legend: bool = False


def svg(chart: Chart) -> str:
    """Return the chart as an `svg` element that says its title and scales with its place."""
    drawn = vl_convert.vegalite_to_svg(_spec(chart))
    box = _SIZE.match(drawn)
    assert box  # noqa: S101 - what the library's own first element looks like
    title = html.escape(chart.title)
    inside = _NEEDLESS.sub("", drawn[box.end() :])
    return f'<svg viewBox="{box[1]}" role="img" aria-label="{title}">{inside}'


def _spec(chart: Chart) -> dict[str, Any]:
    values = [
        {"t": day.isoformat(), "v": float(value), "series": name}
        for name, points in chart.series.items()
        for day, value in points
    ]
    bounds = [day.isoformat() for day in (chart.span.first, chart.span.end)]
    several = chart.legend or len(chart.series) > 1
    encoding: dict[str, Any] = {
        "x": {
            "field": "t",
            "type": "temporal",
            "timeUnit": chart.span.time_unit,
            "title": None,
            "scale": {"type": "utc", "domain": bounds},
            "axis": {
                "format": chart.span.label,
                "values": [_milliseconds(day) for day in chart.span.ticks],
            },
        },
        "y": {
            "field": "v",
            "type": "quantitative",
            "title": chart.y_title,
            "axis": _value_axis(chart),
            "scale": {"domain": [0, 1]} if chart.share else {"zero": True},
        },
        "color": {
            "field": "series",
            "type": "nominal",
            "sort": None,
            "scale": {"domain": [*chart.series], "range": _SERIES[: len(chart.series)]},
            "legend": {} if several else None,
        },
    }
    mark: dict[str, Any] = {"type": "bar", "cornerRadiusEnd": 1}
    if chart.lines:
        mark = {"type": "line", "strokeWidth": 2, "point": {"size": 28, "filled": True}}
        if several:  # told apart without colours too
            encoding["shape"] = {**encoding["color"], "scale": {"domain": [*chart.series]}}
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": 2,
        "data": {"values": values},
        "mark": mark,
        "encoding": encoding,
        "config": _CONFIG,
    }


def _value_axis(chart: Chart) -> dict[str, Any]:
    if chart.share:
        return {"format": ".0%"}
    largest = max(value for points in chart.series.values() for _, value in points)
    if largest >= _LARGE:
        return {"format": "~s"}
    if largest <= _SMALL and not chart.lines:  # no half plays
        return {"format": "d", "values": [*range(int(largest) + 1)]}
    return {}


def _milliseconds(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 86_400_000
