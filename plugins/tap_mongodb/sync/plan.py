"""What a run begins with: which positions hold, and which streams are to be read anew."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bson import Timestamp

from tap_mongodb.client import Scope
from tap_mongodb.state import Bookmark, Cursor, lsn_of, read_time, write_time
from tap_mongodb.sync.snapshot import fresh_bookmark
from tap_mongodb.sync.track import Follower, Track

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_mongodb.client import Source
    from tap_mongodb.settings import Settings
    from tap_mongodb.sync.journal import Journal
    from tap_mongodb.sync.run import Stream

logger = logging.getLogger("tap-mongodb")


class Planner:
    """Makes tracks of the state, the settings and what the server says of itself."""

    def __init__(
        self,
        source: Source,
        streams: list[Stream],
        settings: Settings,
        state: dict[str, Any],
        journal: Journal,
    ) -> None:
        self._source = source
        self._streams = streams
        self._settings = settings
        self._state = state
        self._journal = journal
        self._cluster = ""
        self._uuids: dict[str, str] = {}
        self._marks: dict[str, Bookmark | None] = {}

    def tracks(self) -> list[Track]:
        """Return the tracks of this run; the state no longer speaks of streams left out of it."""
        self._cluster = self._source.cluster()
        self._uuids = self._source.collections()
        marks = self._state.setdefault("bookmarks", {})
        found = {stream.name: marks.get(stream.name) for stream in self._streams}
        if self._settings.is_changelog:
            return [self._changelog(stream, found[stream.name]) for stream in self._streams]
        # A stream that is not read now misses changes, so what it has says nothing later.
        for name in [name for name in marks if name not in found]:
            del marks[name]
        self._marks = {name: Bookmark.read(mark) for name, mark in found.items()}
        shared = Cursor.read(self._state.pop("cursor", None))
        if self._settings.capture_scope == "collection":
            return [
                self._track([stream], _own(found[stream.name]) or shared, found, stream.collection)
                for stream in self._streams
            ]
        return [self._track(self._streams, shared or self._common(found), found)]

    def start_anew(self, track: Track, now: Timestamp, *, reads: str) -> None:
        """Let a track go on from now, with all its streams read anew or with a gap."""
        track.cursor = self._fresh_cursor(now, track.cursor)
        for follower in track.followers:
            if reads == "resnapshot" and self._settings.snapshot_mode != "no_data":
                track.begin_snapshot(follower)
            else:
                follower.bookmark.epoch = track.cursor.epoch

    def _track(
        self,
        streams: list[Stream],
        cursor: Cursor | None,
        found: dict[str, Any],
        collection: str | None = None,
    ) -> Track:
        now = self._source.clock()
        marks = {stream.name: Bookmark.read(found[stream.name]) for stream in streams}
        given = [mark for mark in marks.values() if mark]
        floor = max((max(mark.lsn, mark.version) for mark in given), default=0)
        if cursor is None:
            cursor = self._fresh_cursor(now, None, floor)
            # It may have been left out of the runs before, and its rows be of this cluster's shift.
            cursor.offset = max(cursor.offset, self._shift(found))
            cursor.time = self._settings.start_at_operation_time or now
        elif why := self._is_elsewhere(cursor, now):
            logger.warning("%s: the state's position is not used, and all is read anew", why)
            cursor = self._fresh_cursor(now, cursor, floor)
        elif self._are_others(streams, marks, cursor):
            logger.warning(
                "no collection has the UUID that it had: the database was restored or made anew, "
                "and all is read anew"
            )
            # Should it be this cluster after all, its events since then are still wanted.
            before = cursor.time
            cursor = self._fresh_cursor(now, cursor, floor)
            cursor.time = before
        else:
            cursor = replace(cursor)
        followers = [self._follower(stream, cursor, marks[stream.name]) for stream in streams]
        scope = Scope(tuple(sorted(stream.collection for stream in streams)), collection)
        return self._made(scope, cursor, followers)

    def _follower(self, stream: Stream, cursor: Cursor, mark: Bookmark | None) -> Follower:
        uuid = self._uuids.get(stream.collection, "")
        is_known = mark is not None and mark.epoch == cursor.epoch
        if mark is None or not is_known or (self._settings.snapshot_mode == "always" and mark.done):
            above = mark.version if mark else 0
            mark = fresh_bookmark(self._source, self._settings, cursor, uuid=uuid, above=above)
        # This is the cluster of the state: why one collection is another is still to be read.
        mark.uuid = uuid or mark.uuid
        return Follower(stream.name, stream.collection, stream.sink, mark)

    def _is_elsewhere(self, cursor: Cursor, now: Timestamp) -> str | None:
        """Return why the position cannot be this cluster's, or None."""
        if cursor.cluster != self._cluster:
            return f"this is cluster {self._cluster}, the state is of {cursor.cluster}"
        if cursor.time > now:
            return (
                f"the state's cluster time {write_time(cursor.time)} is in the future of this "
                f"cluster, which is at {write_time(now)}"
            )
        return None

    def _are_others(
        self, streams: list[Stream], marks: dict[str, Bookmark | None], cursor: Cursor
    ) -> bool:
        """Tell whether none of the collections is the one that the cursor's history speaks of."""
        # A target may hold one stream's bookmark of after a restore beside an older cursor.
        known = self._same(
            {name: mark for name, mark in marks.items() if mark and mark.epoch == cursor.epoch},
            streams,
        )
        # A stream whose collection is not there is told by the others.
        known = known or self._same(self._marks, self._streams)
        return bool(known) and not any(known)

    def _same(self, marks: Mapping[str, Bookmark | None], streams: list[Stream]) -> list[bool]:
        """Return for each collection whose UUID is known, now and then, whether it is the same."""
        return [
            mark.uuid == self._uuids[stream.collection]
            for stream in streams
            if (mark := marks.get(stream.name)) and mark.uuid and self._uuids.get(stream.collection)
        ]

    def _shift(self, found: dict[str, Any]) -> int:
        """Return how far other streams' versions are ahead of this cluster's times."""
        cursors = filter(None, map(_own, found.values()))
        shifts = [cursor.offset for cursor in cursors if cursor.cluster == self._cluster]
        return max(shifts, default=0)

    def _common(self, found: dict[str, Any]) -> Cursor | None:
        """Return a position that is behind none of those that streams had each for itself."""
        known = [
            (cursor, mark)
            for mark in found.values()
            if (cursor := _own(mark)) and mark.get("epoch") == cursor.epoch
        ]
        if not known:
            return None
        # A target may hold one stream's bookmark of this cluster and another's of the one before.
        here = [pair for pair in known if pair[0].cluster == self._cluster] or known
        oldest = min((cursor for cursor, _ in here), key=lambda cursor: cursor.time)
        # Its token may be ahead of its time, and of another's token.
        oldest.token, oldest.is_end = None, False
        oldest.lsn = max(cursor.lsn for cursor, _ in known)
        # Each was shifted for itself, and no stream's versions may go back.
        oldest.offset = max(cursor.offset for cursor, _ in here)
        if len(here) < len(known):
            oldest.offset = max(oldest.offset, oldest.lsn + 1 - lsn_of(self._source.clock()))
        for _, mark in here:
            mark["epoch"] = oldest.epoch
        return oldest

    def _fresh_cursor(self, now: Timestamp, old: Cursor | None, floor: int = 0) -> Cursor:
        """Return a cursor at ``now``, whose versions are above ``floor`` and all of the old one.

        Cluster times of one cluster never go back. Another's may be behind, and are then shifted,
        from then on for good: rows may have been written that no state knows of.
        """
        floor = max(floor, old.lsn if old else 0)
        offset = old.offset if old and old.cluster == self._cluster else 0
        offset = max(offset, floor + 1 - lsn_of(now))
        epoch = max(lsn_of(now) + offset, old.epoch + 1 if old else 0)
        return Cursor(self._cluster, now, epoch, offset=offset, lsn=floor)

    def _changelog(self, stream: Stream, found: Any) -> Track:
        now = self._source.clock()
        mark = found if isinstance(found, dict) else {}
        token, time = mark.get("replication_key_value"), read_time(mark.get("operation_time"))
        cursor = Cursor(self._cluster, time or self._settings.start_at_operation_time or now, 0)
        scope = Scope((stream.collection,), stream.collection)
        if isinstance(token, str):
            cursor.token = {"_data": token}
            # When the token was, nobody wrote down: without it the whole history is the next best.
            cursor.time = Timestamp(0, 1)
        bookmark = fresh_bookmark(self._source, self._settings, cursor)
        follower = Follower(stream.name, stream.collection, stream.sink, bookmark)
        return self._made(scope, cursor, [follower])

    def _made(self, scope: Scope, cursor: Cursor, followers: list[Follower]) -> Track:
        return Track(
            self._source,
            self._settings,
            self._journal,
            scope=scope,
            cursor=cursor,
            followers=followers,
        )


def _own(found: Any) -> Cursor | None:
    return Cursor.read(found.get("cursor")) if isinstance(found, dict) else None
