"""How figures are written for people: the same everywhere on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta
    from decimal import Decimal

NOTHING = "–"  # noqa: RUF001 - a dash, as people write it
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60))
_MINUTE, _HOUR = 60, 3600


def count(number: int) -> str:
    """Return a count with its thousands apart: 12,345."""
    return f"{number:,}"


def percent(part: int, whole: int) -> str:
    """Return a share in per cent with one decimal, a dash where there is no whole."""
    return f"{100 * part / whole:.1f} %" if whole else NOTHING


def duration(seconds: Decimal | float | None) -> str:
    """Return a span as one would say it: 0.42 s, 42 s, 3 min 20 s, 2 h 5 min."""
    if seconds is None:
        return NOTHING
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    minutes, rest = divmod(round(seconds), _MINUTE)
    if minutes < _MINUTE:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def age(span: timedelta) -> str:
    """Return how long ago something was, in its largest unit: 12 minutes, 3 days."""
    seconds = span.total_seconds()
    for unit, size in _UNITS:
        if seconds >= size:
            number = int(seconds // size)
            return f"{number:,} {unit}{'' if number == 1 else 's'}"
    return "less than a minute"
