"""Plays, and what they come to by day and month; and the days themselves."""

from __future__ import annotations

import calendar
from collections import Counter, defaultdict
from datetime import date, timedelta
from typing import TYPE_CHECKING

from transform.expected.catalogue import lead
from transform.expected.rows import Row, day, month, rounded, time, utc_day, uuid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Protocol

    from transform.rap_files import Record

    Entities = Mapping[str, Record]

    class Plays(Protocol):
        """The plays that live; there may be too many to be held at once."""

        def values(self) -> Iterable[Record]: ...


_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2050, 12, 31)
_SATURDAY = 6
_MILLISECONDS_OF_A_MINUTE = 60_000
_COUNTS_OF_ROLES = {
    "singer": "release_count",
    "featured": "feature_count",
    "lyricist": "written_count",
}
_COUNTS = (*_COUNTS_OF_ROLES.values(), "performance_count", "play_count")


def dates() -> Iterator[Row]:
    """One row per day."""
    for number in range((_LAST_DAY - _FIRST_DAY).days + 1):
        today = _FIRST_DAY + timedelta(days=number)
        iso = today.isocalendar()
        yield {
            "date_day": today,
            "year_number": today.year,
            "quarter_number": (today.month + 2) // 3,
            "month_number": today.month,
            "month_start": month(today),
            "iso_year": iso.year,
            "iso_week": iso.week,
            "iso_weekday": iso.weekday,
            "day_name": calendar.day_name[today.weekday()],
            "is_weekend": iso.weekday >= _SATURDAY,
        }


def plays(alive: Plays) -> Iterator[Row]:
    """One row per play."""
    for play in alive.values():
        yield {
            **{name: uuid(play[name]) for name in ("play_id", "lyric_id", "artist_id")},
            **{name: play[name] for name in ("document_id", "country", "client", "duration_ms")},
            "played_on": utc_day(play["played_at"]),
            "played_at": time(play["played_at"]),
        }


def lyric_days(alive: Plays) -> Iterator[Row]:
    """One row per lyric and day on which it was played."""
    heard: Counter[tuple[str, date]] = Counter()
    milliseconds: Counter[tuple[str, date]] = Counter()
    countries: dict[tuple[str, date], set[str | None]] = defaultdict(set)
    for play in alive.values():
        here = play["lyric_id"], utc_day(play["played_at"])
        heard[here] += 1
        milliseconds[here] += play["duration_ms"] or 0
        countries[here].add(play["country"])
    for (lyric, today), times in heard.items():
        yield {
            "lyric_id": uuid(lyric),
            "played_on": today,
            "play_count": times,
            "listener_country_count": len(countries[lyric, today] - {None}),
            "played_minutes": rounded(milliseconds[lyric, today], _MILLISECONDS_OF_A_MINUTE, 2),
        }


def artist_months(lyrics: Entities, meetups: Entities, alive: Plays) -> list[Row]:
    """One row per artist and month in which there is anything to count."""
    counts: dict[tuple[str, date], Counter[str]] = defaultdict(Counter)
    for lyric in lyrics.values():
        if released := day(lyric["released_date"]):
            for credit in lyric["credits"]:
                if counted := _COUNTS_OF_ROLES.get(credit["role"]):
                    counts[credit["artist_id"], month(released)][counted] += 1
    for meetup in meetups.values():
        for performance in meetup["performances"]:
            began = utc_day(performance["started_at"] or meetup["starts_at"])
            counts[performance["artist_id"], month(began)]["performance_count"] += 1
    for play in alive.values():
        if play["lyric_id"] in lyrics:
            leader = lead(lyrics[play["lyric_id"]])
            counts[leader, month(utc_day(play["played_at"]))]["play_count"] += 1
    rows: list[Row] = []
    running: dict[str, Counter[str]] = defaultdict(Counter)
    for (artist, first), here in sorted(counts.items()):
        running[artist] += here
        rows.append(
            {
                "artist_id": uuid(artist),
                "month_start": first,
                **{name: here[name] for name in _COUNTS},
                "running_release_count": running[artist]["release_count"],
                "running_play_count": running[artist]["play_count"],
            }
        )
    return rows
