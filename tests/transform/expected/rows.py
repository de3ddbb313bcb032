"""What a calculated row is, and the values in it as the database returns them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Row = dict[str, Any]
"""A row by the names of its columns."""

Rows = Counter[tuple[tuple[str, Any], ...]]
"""A multiset of rows, each as its columns' names and values in the names' order."""


def counted(rows: Iterable[Row]) -> Rows:
    """Return rows as a multiset."""
    return Counter(tuple(sorted(row.items(), key=lambda item: item[0])) for row in rows)


def difference(found: Rows, wanted: Rows) -> tuple[list[Row], list[Row]]:
    """Return a few rows that are too many and a few that are missing."""
    too_many, missing = found - wanted, wanted - found
    return (
        [dict(row) for row in list(too_many)[:3]],
        [dict(row) for row in list(missing)[:3]],
    )


def differences(found: Mapping[str, Rows], wanted: Mapping[str, Rows]) -> dict[str, object]:
    """Return, by the name of each of ``found`` that is not as wanted, a few odd rows."""
    odd = {name: difference(rows, wanted[name]) for name, rows in found.items()}
    return {name: rows for name, rows in odd.items() if rows != ([], [])}


def uuid(value: str | None) -> UUID | None:
    """Return an id."""
    return UUID(value) if value else None


def day(value: str | None) -> date | None:
    """Return a day."""
    return date.fromisoformat(value) if value else None


def time(value: str | None) -> datetime | None:
    """Return a time."""
    return datetime.fromisoformat(value) if value else None


def utc_day(value: str) -> date:
    """Return the day, in UTC, of a time."""
    return datetime.fromisoformat(value).astimezone(UTC).date()


def month(value: date) -> date:
    """Return the first day of a day's month."""
    return value.replace(day=1)


def rounded(part: Decimal | int, whole: Decimal | int, places: int) -> Decimal | None:
    """Return ``part`` by ``whole`` to so many decimals, halves away from zero; null of zero."""
    if not whole:
        return None
    exact = Decimal(part) / Decimal(whole)
    return exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def seconds(earlier: datetime, later: datetime) -> Decimal | None:
    """Return the time between two, in seconds to the millisecond."""
    return rounded(microseconds(earlier, later), 1_000_000, 3)


def microseconds(earlier: datetime, later: datetime) -> int:
    """Return the time between two, in microseconds."""
    between = later - earlier
    return (between.days * 86_400 + between.seconds) * 1_000_000 + between.microseconds
