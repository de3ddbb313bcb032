"""The page: facts and judgements, arranged for reading, as one HTML document without a script."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mixtape.report import charts, health, words
from mixtape.report.charts import Chart, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mixtape.report.facts import Facts, LoadLag

DAYS = 30
MONTHS = 24
_YEARS_FROM_MONTHS = 36
_LEAST_YEARS = 10
_MONTHS_IN_YEAR = 12

Points = list[tuple[date, float]]


@dataclass(frozen=True)
class Tile:
    """One figure that is read first."""

    title: str
    value: str
    note: str


@dataclass(frozen=True)
class Table:
    """The figures behind a chart."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Figure:
    """A chart beside its table; neither where there is nothing to show yet."""

    title: str
    note: str
    svg: Markup | None = None
    table: Table | None = None


def html(facts: Facts) -> str:
    """Return the whole document; it holds counts, times and names of streams, and no rap."""
    environment = Environment(
        loader=PackageLoader("mixtape.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found = health.checks(facts)
    style, *_ = environment.loader.get_source(environment, "report.css")  # type: ignore[union-attr]
    return environment.get_template("report.html.j2").render(
        style=Markup(style),  # noqa: S704 - our own file
        at=facts.at,
        overall=health.overall(found),
        checks=found,
        tiles=tiles(facts),
        music=music(facts),
        loading=loading(facts),
        streams=facts.streams,
        feeds=health.FEEDS,
        adds_up=health.adds_up,
        reconciled=health.reconciled(facts) if facts.streams else [],
        words=words,
    )


def tiles(facts: Facts) -> list[Tile]:
    """Return the first figures: played, released, active, attended, how late, how much refused."""
    return [_plays(facts), _songs(facts), _artists(facts), _attendance(facts)]


def music(facts: Facts) -> list[Figure]:
    """Return the figures on what was played, released and attended."""
    return [
        _figure(
            "Plays by day",
            {"Plays": [(each.played_on, each.plays) for each in facts.plays]},
            _days_to(each.played_on for each in facts.plays),
        ),
        _figure(
            "Plays by month",
            {"Plays": [*_by_month(facts)]},
            _months_to(each.played_on.replace(day=1) for each in facts.plays),
        ),
        _released(facts),
        _figure(
            "Active artists by month",
            {"Artists": [(each.month_start, each.active_artists) for each in facts.active_artists]},
            _months_to(each.month_start for each in facts.active_artists),
        ),
        _figure(
            "Expected and attended at meetups",
            {
                "Expected": [(each.month_start, each.expected_count) for each in facts.attendance],
                "Attended": [(each.month_start, each.attended_count) for each in facts.attendance],
            },
            _months_to(each.month_start for each in facts.attendance),
            lines=True,
        ),
        _figure(
            "Attendance rate by month",
            {
                "Attended": [
                    (each.month_start, float(each.meetup_attendance_rate))
                    for each in facts.attendance
                    if each.meetup_attendance_rate is not None
                ]
            },
            _months_to(each.month_start for each in facts.attendance),
            lines=True,
            share=True,
        ),
    ]


def loading(facts: Facts) -> list[Figure]:
    """Return the figures on the pipeline's work."""
    days = _days_to([facts.at.date()] if facts.loaded_days else [])
    feeds = {name: feed.title for name, feed in health.FEEDS.items()}
    return [
        _figure(
            "Rows received by day",
            {
                title: [(each.day, each.rows_in) for each in facts.loaded_days if each.feed == name]
                for name, title in feeds.items()
            },
            days,
        ),
        _figure(
            "Rows rejected by day",
            {
                title: [
                    (each.day, each.rows_rejected)
                    for each in facts.loaded_days
                    if each.feed == name and each.rows_rejected
                ]
                for name, title in feeds.items()
            },
            days,
            none="None rejected",
        ),
        _figure(
            "From change to load, 95th percentile",
            {
                collection: [
                    (each.loaded_on, float(each.load_lag_p95_seconds))
                    for each in lags
                    if each.load_lag_p95_seconds is not None
                ]
                for collection, lags in _by_collection(facts)
            },
            _days_to(each.loaded_on for each in facts.load_lag),
            lines=True,
            legend=True,
            y_title="seconds",
        ),
    ]


def _plays(facts: Facts) -> Tile:
    if not facts.plays:
        return Tile("Plays", "0", "none loaded yet")
    span = _days_to(each.played_on for each in facts.plays)
    assert span  # noqa: S101 - there are plays
    lately = sum(each.plays for each in facts.plays if each.played_on >= span.first)
    return Tile(
        "Plays",
        words.count(sum(each.plays for each in facts.plays)),
        f"{words.count(lately)} in the {DAYS} days to {_day(facts.plays[-1].played_on)}",
    )


def _songs(facts: Facts) -> Tile:
    if not facts.songs_released:
        return Tile("Songs released", "0", "none loaded yet")
    year = facts.songs_released[-1].month_start.year
    lately = sum(
        each.songs_released for each in facts.songs_released if each.month_start.year == year
    )
    return Tile(
        "Songs released",
        words.count(sum(each.songs_released for each in facts.songs_released)),
        f"{words.count(lately)} in {year}, the newest year",
    )


def _artists(facts: Facts) -> Tile:
    if not facts.active_artists:
        return Tile("Active artists", "0", "none loaded yet")
    newest = facts.active_artists[-1]
    return Tile(
        "Active artists", words.count(newest.active_artists), f"in {newest.month_start:%B %Y}"
    )


def _attendance(facts: Facts) -> Tile:
    months = facts.attendance[-_MONTHS_IN_YEAR:]
    expected = sum(each.expected_count for each in months)
    if not expected:
        return Tile("Came to meetups", words.NOTHING, "nobody expected yet")
    attended = sum(each.attended_count for each in months)
    until = f"{months[-1].month_start:%B %Y}"
    return Tile(
        "Came to meetups",
        words.percent(attended, expected),
        f"{words.count(attended)} of {words.count(expected)} expected, {len(months)} "
        f"month{'s' if len(months) > 1 else ''} of meetups to {until}",
    )


def _released(facts: Facts) -> Figure:
    """Return songs by month, or by year where they go further back than a chart is wide."""
    months: Points = [(each.month_start, each.songs_released) for each in facts.songs_released]
    if not months or _months_between(months[0][0], months[-1][0]) < _YEARS_FROM_MONTHS:
        span = _months_to(day for day, _ in months)
        return _figure("Songs released by month", {"Songs": months}, span)
    years: Points = [
        (date(year, 1, 1), sum(songs for _, songs in each))
        for year, each in groupby(months, key=lambda point: point[0].year)
    ]
    last = years[-1][0].year
    first = min(years[0][0].year, last - _LEAST_YEARS + 1)
    span = Span(date(first, 1, 1), date(last + 1, 1, 1), "year")
    return _figure("Songs released by year", {"Songs": years}, span)


def _figure(
    title: str,
    series: Mapping[str, Points],
    span: Span | None,
    *,
    none: str = "Nothing yet",
    **drawn: object,
) -> Figure:
    """Return a figure of what of the series lies within the span."""
    if span is None:
        return Figure(title, "Nothing yet")
    shown = {
        name: [point for point in points if span.first <= point[0] < span.end]
        for name, points in series.items()
    }
    note = _note(span)
    if not any(shown.values()):
        return Figure(title, f"{none} in the {note}")
    share = bool(drawn.get("share"))
    steps = {"date": "Day (UTC)", "month": "Month", "year": "Year"}
    days = sorted({day for points in shown.values() for day, _ in points}, reverse=True)
    values = {name: dict(points) for name, points in shown.items()}
    table = Table(
        [steps[span.step], *shown],
        [
            [_step(day, span), *(_value(values[name].get(day), share=share) for name in shown)]
            for day in days
        ],
    )
    chart = Chart(title, span, shown, **drawn)  # type: ignore[arg-type]
    drawing = Markup(charts.svg(chart))  # noqa: S704 - drawn from numbers and our own words
    return Figure(title, note[0].upper() + note[1:], drawing, table)


def _by_month(facts: Facts) -> Iterable[tuple[date, float]]:
    days = groupby(facts.plays, key=lambda each: each.played_on.replace(day=1))
    return ((month, sum(each.plays for each in plays)) for month, plays in days)


def _by_collection(facts: Facts) -> Iterable[tuple[str, list[LoadLag]]]:
    ordered = sorted(facts.load_lag, key=lambda each: (each.collection, each.loaded_on))
    return ((name, [*lags]) for name, lags in groupby(ordered, key=lambda each: each.collection))


def _days_to(days: Iterable[date]) -> Span | None:
    newest = max(days, default=None)
    if newest is None:
        return None
    return Span(newest - timedelta(days=DAYS - 1), newest + timedelta(days=1), "date")


def _months_to(months: Iterable[date]) -> Span | None:
    newest = max(months, default=None)
    if newest is None:
        return None
    return Span(_shifted(newest, 1 - MONTHS), _shifted(newest, 1), "month")


def _shifted(month: date, by: int) -> date:
    year, index = divmod(month.year * _MONTHS_IN_YEAR + month.month - 1 + by, _MONTHS_IN_YEAR)
    return date(year, index + 1, 1)


def _months_between(first: date, last: date) -> int:
    return (last.year - first.year) * _MONTHS_IN_YEAR + last.month - first.month


def _note(span: Span) -> str:
    if span.step == "year":
        return f"years {span.first.year} to {span.end.year - 1}"
    if span.step == "month":
        return f"{MONTHS} months to {_shifted(span.end, -1):%B %Y}"
    return f"{DAYS} days to {_day(span.end - timedelta(days=1))}"


def _step(day: date, span: Span) -> str:
    return {"date": _day(day), "month": f"{day:%b %Y}", "year": f"{day:%Y}"}[span.step]


def _value(value: float | None, *, share: bool) -> str:
    if value is None:
        return words.NOTHING
    if share:
        return f"{100 * value:.1f} %"
    return words.count(int(value)) if value == int(value) else f"{value:,.3f}"


def _day(day: date) -> str:
    return f"{day:%-d %b %Y}"
