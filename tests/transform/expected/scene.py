"""Meetups: what was performed, who registered, who came."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from transform.expected.rows import Row, microseconds, rounded, time, utc_day, uuid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from transform.rap_files import Record

    Entities = Mapping[str, Record]

_MICROSECONDS_OF_AN_HOUR = 3_600_000_000


def meetups(spoken: Entities) -> Iterator[Row]:
    """One row per meetup."""
    for meetup in spoken.values():
        starts_at, ends_at = time(meetup["starts_at"]), time(meetup["ends_at"])
        yield {
            "meetup_id": uuid(meetup["meetup_id"]),
            **{
                name: meetup[name]
                for name in ("title", "host", "timezone", "venue", "city", "country", "is_online")
            },
            "starts_at": starts_at,
            "ends_at": ends_at,
            "local_starts_at": _local(starts_at, meetup["timezone"]),
            "local_ends_at": _local(ends_at, meetup["timezone"]),
            "updated_at": time(meetup["updated_at"]),
        }


def performances(spoken: Entities) -> list[Row]:
    """One row per meetup, lyric and artist."""
    return [
        {
            "meetup_id": uuid(meetup["meetup_id"]),
            "lyric_id": uuid(performance["lyric_id"]),
            "artist_id": uuid(performance["artist_id"]),
            "position": performance["position"],
            "started_at": time(performance["started_at"]),
        }
        for meetup in spoken.values()
        for performance in meetup["performances"]
    ]


def registrations(alive: Entities) -> Iterator[Row]:
    """One row per registration, without who it is."""
    for registration in alive.values():
        registered_at = time(registration["registered_at"])
        updated_at = time(registration["updated_at"])
        assert registered_at
        assert updated_at
        yield {
            "registration_id": uuid(registration["registration_id"]),
            "meetup_id": uuid(registration["meetup_id"]),
            "status": registration["status"],
            "hours_to_last_change": rounded(
                microseconds(registered_at, updated_at), _MICROSECONDS_OF_AN_HOUR, 2
            ),
            "registered_on": utc_day(registration["registered_at"]),
            "registered_at": registered_at,
            "updated_at": updated_at,
        }


def attendees(alive: Entities) -> Iterator[Row]:
    """One row per registration: the attendee's hash."""
    for registration in alive.values():
        yield {
            "registration_id": uuid(registration["registration_id"]),
            "attendee_hash": registration["attendee_hash"],
        }


def meetup_totals(spoken: Entities, alive: Entities) -> list[Row]:
    """One row per meetup: who registered, came, did not, and how much was performed."""
    stood = Counter((each["meetup_id"], each["status"]) for each in alive.values())
    rows: list[Row] = []
    for key, meetup in spoken.items():
        registered, attended, cancelled = (
            stood[key, status] for status in ("registered", "attended", "cancelled")
        )
        rows.append(
            {
                "meetup_id": uuid(key),
                "registration_count": registered + attended + cancelled,
                "attended_count": attended,
                "cancelled_count": cancelled,
                "performance_count": len(meetup["performances"]),
                "attendance_rate": rounded(attended, registered + attended, 4),
                "started_on": utc_day(meetup["starts_at"]),
            }
        )
    return rows


def _local(at: datetime | None, timezone: str) -> datetime | None:
    return at.astimezone(ZoneInfo(timezone)).replace(tzinfo=None) if at else None
