"""Dates that Python's calendar does not reach, as PostgreSQL writes them.

PostgreSQL holds dates from 4713 BC to beyond the year 5,800,000. ISO 8601 counts years before 1
down from 0: its year 0 is 1 BC.
"""

from __future__ import annotations

import datetime as dt
import re

_ISO = re.compile(r"([+-]?[0-9]{4,7})-([0-9]{2})-([0-9]{2})(?:[T ](.+))?")
_GREGORIAN_CYCLE = 400


def far_date(value: str) -> str | None:
    """Return a day before year 1 or after 9999 for PostgreSQL; None if it is no such day."""
    found = _ISO.fullmatch(value)
    return _spelled(found, "") if found and found[4] is None else None


def far_moment(value: str) -> str | None:
    """Return a moment before year 1 or after 9999 for PostgreSQL; None if it is no such moment.

    One without an offset is UTC.
    """
    found = _ISO.fullmatch(value)
    if found is None:
        return None
    try:
        time = dt.time.fromisoformat(found[4] or "00:00")
    except ValueError:
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=dt.UTC)
    return _spelled(found, f" {time.isoformat()}")


def _spelled(found: re.Match[str], time: str) -> str | None:
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    if dt.MINYEAR <= year <= dt.MAXYEAR:
        return None
    try:
        # The calendar repeats itself after 400 years.
        dt.date(_GREGORIAN_CYCLE + year % _GREGORIAN_CYCLE, month, day)
    except ValueError:
        return None
    era = " BC" if year <= 0 else ""
    shown = 1 - year if year <= 0 else year
    return f"{shown:04}-{month:02}-{day:02}{time}{era}"
