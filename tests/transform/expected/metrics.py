"""Each metric by its definition."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

from transform.expected.rows import Row, day, month, rounded, utc_day

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from transform.expected.listening import Plays
    from transform.rap_files import Record

    Entities = Mapping[str, Record]

_SHARE = Decimal("0.95")


def plays(alive: Plays) -> Iterator[Row]:
    """One row per day: how often anything was played."""
    for today, number in Counter(utc_day(play["played_at"]) for play in alive.values()).items():
        yield {"played_on": today, "plays": number}


def active_artists(months: Iterable[Row]) -> Iterator[Row]:
    """One row per month: artists of whom there is anything to count."""
    for first, number in Counter(row["month_start"] for row in months).items():
        yield {"month_start": first, "active_artists": number}


def songs_released(lyrics: Entities) -> Iterator[Row]:
    """One row per month: lyrics released in it."""
    days = [day(lyric["released_date"]) for lyric in lyrics.values()]
    for first, number in Counter(month(each) for each in days if each).items():
        yield {"month_start": first, "songs_released": number}


def meetup_attendance_rate(held: Iterable[Row]) -> Iterator[Row]:
    """One row per month: of those who were expected at its meetups, who came."""
    months: dict[date, list[Row]] = defaultdict(list)
    for row in held:
        months[month(row["started_on"])].append(row)
    for first, rows in months.items():
        came = sum(row["attended_count"] for row in rows)
        expected = sum(row["registration_count"] - row["cancelled_count"] for row in rows)
        yield {
            "month_start": first,
            "attended_count": came,
            "expected_count": expected,
            "meetup_attendance_rate": rounded(came, expected, 4),
        }


def load_lag_p95(happened: Iterable[Row]) -> Iterator[Row]:
    """One row per day and collection: the time within which 95 of 100 changes were loaded."""
    groups: dict[tuple[date, str], list[Decimal]] = defaultdict(list)
    for row in happened:
        groups[row["loaded_at"].date(), row["collection"]].append(row["seconds_to_load"])
    for (loaded_on, collection), lags in groups.items():
        yield {
            "loaded_on": loaded_on,
            "collection": collection,
            "change_count": len(lags),
            "load_lag_p95_seconds": _percentile(sorted(lags)),
        }


def _percentile(lags: Sequence[Decimal]) -> Decimal:
    """Return the least of ``lags`` that so many of them do not exceed."""
    return lags[math.ceil(_SHARE * len(lags)) - 1]
