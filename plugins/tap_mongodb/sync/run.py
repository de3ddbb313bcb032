"""The order of a run: position first, then documents and changes in turn, until caught up."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from singer_kit.errors import HistoryLostError, SourceUnreachableError
from tap_mongodb.client import HistoryGoneError
from tap_mongodb.state import write_time
from tap_mongodb.sync.journal import StopRun
from tap_mongodb.sync.plan import Planner
from tap_mongodb.sync.snapshot import read_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from bson import Timestamp

    from tap_mongodb.client import Sink, Source
    from tap_mongodb.settings import Settings
    from tap_mongodb.sync.journal import Journal
    from tap_mongodb.sync.track import Follower, Track

logger = logging.getLogger("tap-mongodb")


class Stream(NamedTuple):
    """A selected stream."""

    name: str
    collection: str
    sink: Sink


class Run:
    """One run of the tap over all selected streams."""

    def __init__(
        self,
        source: Source,
        streams: list[Stream],
        settings: Settings,
        state: dict[str, Any],
        journal: Journal,
    ) -> None:
        self._source = source
        self._settings = settings
        self._journal = journal
        self._planner = Planner(source, streams, settings, state, journal)
        self.tracks: list[Track] = []

    def run(self) -> None:
        """Read what is new.

        Raises:
            HistoryLostError: changes are gone, and the settings say to stop then.
            SourceUnreachableError: the server went away and did not come back.
        """
        try:
            goal = self._source.clock()
            self._journal.tracks = self.tracks = self._planner.tracks()
            if self._streams_changes:
                for track in self.tracks:
                    self._keeping_history(track, track.open)
            self._journal.save()
            self._read(goal)
        except StopRun as stop:
            logger.warning("%s: stopped at a safe point; run again to go on", stop)
        finally:
            if self.tracks:
                self._journal.save()
            for track in self.tracks:
                with suppress(SourceUnreachableError):
                    track.close()

    def _read(self, goal: Timestamp) -> None:
        while True:
            if self._read_documents():
                goal = self._source.clock()
            if self._streams_changes:
                for track in self.tracks:
                    self._keeping_history(track, partial(track.catch_up, goal))
            if not any(self._unread()):
                return

    @property
    def _streams_changes(self) -> bool:
        return self._settings.snapshot_mode != "initial_only"

    def _unread(self) -> list[tuple[Track, Follower]]:
        return [
            (track, follower)
            for track in self.tracks
            for follower in track.followers
            if not follower.bookmark.done
        ]

    def _read_documents(self) -> bool:
        """Read for one round; return whether there was anything to read."""
        unread = self._unread()
        until = self._journal.clock() + self._settings.snapshot_round_seconds
        for track, follower in unread:
            read_on(
                self._source,
                self._settings,
                self._journal,
                track.cursor,
                follower,
                until=until,
            )
            if self._journal.clock() >= until:
                return True
        return bool(unread)

    def _keeping_history(self, track: Track, work: Callable[[], None]) -> None:
        """Do ``work``; where the server's history does not reach back, do as the settings say."""
        try:
            work()
        except HistoryGoneError as gone:
            cursor = track.cursor
            now = self._source.clock()
            gap = f"{now.time - cursor.time.time} seconds" if cursor.time.time else "unknown length"
            lost = (
                f"changes from cluster time {write_time(cursor.time)} on are gone ({gone}): "
                f"a gap of {gap} up to {write_time(now)}"
            )
            if self._settings.on_history_lost == "fail":
                raise HistoryLostError(
                    f"{lost}; set on_history_lost to resnapshot to read all again, and give the "
                    "server a longer oplog or run more often"
                ) from None
            logger.warning("%s; on_history_lost: %s", lost, self._settings.on_history_lost)
            self._planner.start_anew(track, now, reads=self._settings.on_history_lost)
            track.open()
            self._journal.save()
