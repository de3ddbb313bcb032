"""Whether the pipeline is healthy, and whether its totals agree with what the sources sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

from mixtape.report.words import age, count, duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mixtape.report.facts import Facts, Stream


class State(IntEnum):
    """How something stands; the greater, the more it asks for somebody."""

    OK = 0
    WAITING = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True)
class Feed:
    """A feed, and how long it may be silent: the limits of the sources' freshness in dbt."""

    title: str
    warn_after: timedelta
    error_after: timedelta


@dataclass(frozen=True)
class Check:
    """One thing looked at, and what was found."""

    state: State
    title: str
    finding: str


@dataclass(frozen=True)
class Reconciled:
    """What the sources hold by the loads' count, beside what a metric counts."""

    state: State
    what: str
    sources: int
    metric: int
    finding: str


FEEDS = {
    "files": Feed("Rap files", timedelta(hours=2), timedelta(hours=6)),
    "mongo": Feed("Live application", timedelta(minutes=15), timedelta(hours=1)),
}
LAG_WARNING = FEEDS["mongo"].warn_after
LAG_ERROR = FEEDS["mongo"].error_after
_STUCK_AFTER = timedelta(hours=1)


def checks(facts: Facts) -> list[Check]:
    """Return every check of the pipeline, in the order in which one reads them."""
    return [
        *(_freshness(facts, name, feed) for name, feed in FEEDS.items()),
        _rejects(facts),
        _lag(facts),
        *_stuck(facts),
        _reconciliation(facts),
    ]


def overall(found: Sequence[Check]) -> State:
    """Return the worst state; a feed that has not begun does not make the rest ill."""
    states = {check.state for check in found}
    if states <= {State.WAITING}:
        return State.WAITING
    return max(states - {State.WAITING})


def adds_up(stream: Stream) -> bool:
    """Tell whether no more rows were written or found unchanged than came."""
    return stream.rows_inserted + stream.rows_updated + stream.rows_stale <= stream.rows_in


def reconciled(facts: Facts) -> list[Reconciled]:
    """Compare each metric with what the sources hold.

    A play is a document of its own. Lyrics may be told by both feeds or lack their day, and a
    registration may be cancelled: there the sources' count is the most that a metric may reach.
    """
    plays = sum(day.plays for day in facts.plays)
    songs = sum(month.songs_released for month in facts.songs_released)
    expected = sum(month.expected_count for month in facts.attendance)
    return [
        _compared(facts, "Plays", "plays", plays, exact=True),
        _compared(facts, "Songs released, of lyrics", "lyrics", songs),
        _compared(facts, "Expected at meetups, of registrations", "registrations", expected),
    ]


def _compared(
    facts: Facts, what: str, stream: str, metric: int, *, exact: bool = False
) -> Reconciled:
    loads = [each for each in facts.streams if each.stream_name == stream]
    held = sum(each.rows_inserted - each.rows_deleted for each in loads)
    # A document that comes back after its end counts as an update: more than this is not possible.
    most = sum(each.rows_inserted + each.rows_updated for each in loads)
    state, finding = State.OK, "equal" if metric == held else "within"
    if metric > held:
        state = State.ERROR if metric > most else State.WARNING
        finding = f"{count(metric - held)} more than the sources hold"
    elif exact and metric < held:
        state, finding = State.WARNING, f"{count(held - metric)} fewer than the sources hold"
    return Reconciled(state, what, held, metric, finding)


def _freshness(facts: Facts, name: str, feed: Feed) -> Check:
    title = f"{feed.title}: last load"
    ended = [each.finished_at for each in facts.streams if each.feed == name and each.finished_at]
    if not ended:
        return Check(State.WAITING, title, "nothing loaded yet")
    silent = facts.at - max(ended)
    state = State.OK
    if silent > feed.error_after:
        state = State.ERROR
    elif silent > feed.warn_after:
        state = State.WARNING
    limit = "" if state is State.OK else f"; should be within {age(feed.warn_after)}"
    return Check(state, title, f"{age(silent)} ago{limit}")


def _rejects(facts: Facts) -> Check:
    title = "Rejected in the last 24 hours"
    if not facts.streams:
        return Check(State.WAITING, title, "nothing loaded yet")
    rejecting = [each for each in facts.streams if each.rejected_lately]
    if not rejecting:
        return Check(State.OK, title, "no rows")
    rows = sum(each.rejected_lately for each in rejecting)
    where = ", ".join(f"{each.stream_name} {count(each.rejected_lately)}" for each in rejecting)
    return Check(State.WARNING, title, f"{count(rows)} {'row' if rows == 1 else 'rows'}: {where}")


def _lag(facts: Facts) -> Check:
    title = "From change to load, 95th percentile"
    known = [each for each in facts.load_lag if each.load_lag_p95_seconds is not None]
    if not known:
        return Check(State.WAITING, title, "no changes loaded yet")
    newest = [each for each in known if each.loaded_on == known[-1].loaded_on]
    slowest = max(newest, key=lambda each: each.load_lag_p95_seconds or 0)
    lag = timedelta(seconds=float(slowest.load_lag_p95_seconds or 0))
    state = State.OK
    if lag > LAG_ERROR:
        state = State.ERROR
    elif lag > LAG_WARNING:
        state = State.WARNING
    where = f"{slowest.collection}, on {slowest.loaded_on:%-d %b %Y}"
    return Check(state, title, f"{duration(slowest.load_lag_p95_seconds)} ({where})")


def _stuck(facts: Facts) -> Iterator[Check]:
    """Yield feeds whose newest load began long ago and has not ended."""
    for name, feed in FEEDS.items():
        stuck = [
            each.stream_name
            for each in facts.streams
            if each.feed == name
            and (each.finished_at is None or each.finished_at < each.started_at)
            and facts.at - each.started_at > _STUCK_AFTER
        ]
        if stuck:
            found = f"the newest load has not ended: {', '.join(stuck)}"
            yield Check(State.WARNING, f"{feed.title}: unfinished", found)


def _reconciliation(facts: Facts) -> Check:
    title = "Totals agree with the sources"
    if not facts.streams:
        return Check(State.WAITING, title, "nothing loaded yet")
    odd = [f"{each.feed}.{each.stream_name}" for each in facts.streams if not adds_up(each)]
    if odd:
        return Check(State.ERROR, title, f"more rows written than came: {', '.join(odd)}")
    worst = max(reconciled(facts), key=lambda each: each.state)
    if worst.state is State.OK:
        return Check(State.OK, title, "every stream and metric")
    return Check(worst.state, title, f"{worst.what}: {worst.finding}")
