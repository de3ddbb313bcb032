"""When STATE is written, what is in it, and when the run is asked to end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tap_mongodb.state import write_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tap_mongodb.settings import Settings
    from tap_mongodb.sync.track import Track

STATE_SECONDS = 5.0
"""After so long there is a new STATE, however few records there were."""


class StopRun(Exception):  # noqa: N818 - no error: somebody or a limit asked for the end
    """The run ends at this safe point."""


class Journal:
    """Counts what is written, writes STATE in time, and ends the run when it is to end.

    A *safe point* is where everything that the bookmarks speak of has been written.
    """

    def __init__(
        self,
        settings: Settings,
        state: dict[str, Any],
        write: Callable[[], None],
        asked: Callable[[], str | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Watch over a run.

        Args:
            settings: the limits.
            state: Singer state, kept up to date in place.
            write: writes the state out.
            asked: says who asked the run to end, if somebody did.
            clock: seconds, from anywhere.
        """
        self.clock = clock
        self.events = 0
        self.tracks: Iterable[Track] = ()
        self._settings = settings
        self._state = state
        self._write = write
        self._asked = asked
        self._started = self._stated = clock()
        self._records = 0

    def count(self) -> None:
        """Note that a record was written."""
        self._records += 1

    @property
    def is_due(self) -> bool:
        """Whether the next safe point is to be used."""
        return self._records >= self._settings.state_interval_records

    def safe_point(self) -> None:
        """Write STATE if it is time, and end the run if somebody asked or a limit is reached.

        Raises:
            StopRun: the run is to end here.
        """
        if self.is_due or self.clock() - self._stated >= STATE_SECONDS:
            self.save()
        if why := self._why_stop():
            raise StopRun(why)

    def save(self) -> None:
        """Write STATE."""
        bookmarks = self._state.setdefault("bookmarks", {})
        for track in self.tracks:
            if self._settings.is_changelog:
                bookmarks.update(_changelog(track))
                continue
            cursor = track.cursor.value()
            is_own = track.scope.collection is not None
            for follower in track.followers:
                bookmark = follower.value()
                bookmarks[follower.name] = bookmark | {"cursor": cursor} if is_own else bookmark
            if not is_own:
                self._state["cursor"] = cursor
        self._write()
        self._records = 0
        self._stated = self.clock()

    def _why_stop(self) -> str | None:
        if asked := self._asked():
            return asked
        limits = self._settings
        if limits.max_run_seconds and self.clock() - self._started >= limits.max_run_seconds:
            return f"max_run_seconds {limits.max_run_seconds}"
        if limits.max_events and self.events >= limits.max_events:
            return f"max_events {limits.max_events}"
        return None


def _changelog(track: Track) -> dict[str, Any]:
    """Return a bookmark as MeltanoLabs' tap writes it; a time only where there is no token yet."""
    (follower,) = track.followers
    cursor = track.cursor
    if cursor.token is None or not isinstance(cursor.token.get("_data"), str):
        return {follower.name: {"operation_time": write_time(cursor.time)}}
    return {
        follower.name: {
            "replication_key": "replication_key",
            "replication_key_value": cursor.token["_data"],
        }
    }
