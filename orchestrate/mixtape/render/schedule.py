"""When a run starts: cron expressions that Argo takes, spread minutes, deadlines.

Argo's CRD takes five fields of digits; Meltano's aliases become such fields. A cron that somebody
wrote is never changed.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import re
import zoneinfo
from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError

TIMEZONE = "Etc/UTC"
"""Where no other is named: it has no day of 23 or 25 hours, so no run is skipped or doubled."""

DEADLINE_SECONDS = 3600
"""How long one attempt may take, where no annotation says it."""

FINISH_SECONDS = 300
"""From a tap's last record to the end of the pod: start-up, the last commit, STATE."""

_LONGEST_START_SECONDS = 600
_FIELDS = re.compile(r"[0-9*,/-]+( [0-9*,/-]+){4}")
_ALIASES = {
    "@hourly": "{minute} * * * *",
    "@daily": "{minute} 0 * * *",
    "@midnight": "{minute} 0 * * *",
    "@weekly": "{minute} 0 * * 0",
    "@monthly": "{minute} 0 1 * *",
    "@yearly": "{minute} 0 1 1 *",
    "@annually": "{minute} 0 1 1 *",
}


def cron(interval: str, name: str) -> str:
    """Return Meltano's interval as the five fields that Argo takes.

    An alias starts at a minute made from the schedule's name: the same in every rendering, and
    hundreds of `@hourly` do not start in one second.

    Raises:
        ValueError: no cron at all, or one that Argo or Meltano would not take.
    """
    if interval.startswith("@"):
        if interval not in _ALIASES:
            raise ValueError(
                f"{interval} is nothing that a cluster can start by itself; "
                f"use a cron or one of {', '.join(_ALIASES)}"
            )
        minute = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % 60
        return _ALIASES[interval].format(minute=minute)
    if not _FIELDS.fullmatch(interval):
        raise ValueError(
            f"{interval!r} is no cron that Argo takes: five fields of digits and * , / - "
            "(no names of days, no seconds)"
        )
    days = [part.partition("/")[0] for part in interval.split(" ")[4].split(",")]
    if any(day == "7" or day.startswith("7-") or day.endswith("-7") for day in days):
        raise ValueError(f"{interval!r}: Argo counts days of the week from 0 to 6, Sunday is 0")
    gap(interval)
    return interval


@functools.lru_cache(maxsize=4096)
def gap(fields: str) -> int:
    """Return the shortest time between two starts, in seconds.

    Raises:
        ValueError: the fields are out of range, or never come.
    """
    try:
        # From a day after which every field is at its beginning; a day of minutes or fifty starts.
        starts = list(itertools.islice(CronSim(fields, datetime(2026, 1, 1, tzinfo=UTC)), 50))
    except CronSimError as error:
        raise ValueError(f"{fields!r} is no cron: {error}") from error
    if not starts:
        raise ValueError(f"{fields!r} never comes")
    gaps = (later - earlier for earlier, later in itertools.pairwise(starts))
    return int(min(gaps, default=timedelta(days=366)).total_seconds())


def starting_deadline(fields: str) -> int:
    """Return how late a start may be made up, in seconds: positive, and before the next one."""
    return min(_LONGEST_START_SECONDS, gap(fields) // 2)


def timezone(name: str) -> str:
    """Return the name of a time zone.

    Raises:
        ValueError: there is none of that name. Argo's lint and API server would not notice.
    """
    if name not in zoneinfo.available_timezones():
        raise ValueError(f"no time zone {name!r}; use a name such as {TIMEZONE} or Asia/Kolkata")
    return name


def max_run_seconds(deadline: int) -> int:
    """Return when a tap ends by itself, so that it is never cut off: before the deadline."""
    return deadline - FINISH_SECONDS
