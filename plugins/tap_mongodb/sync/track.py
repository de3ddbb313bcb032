"""A change stream, the streams that follow it, and what each of its events does to their rows."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from singer_kit.errors import HistoryLostError
from tap_mongodb.client import Change
from tap_mongodb.state import write_time
from tap_mongodb.sync.reader import Reader
from tap_mongodb.sync.snapshot import fresh_bookmark

if TYPE_CHECKING:
    from bson import Timestamp

    from tap_mongodb.client import Scope, Sink, Source
    from tap_mongodb.settings import Settings
    from tap_mongodb.state import Bookmark, Cursor
    from tap_mongodb.sync.journal import Journal

logger = logging.getLogger("tap-mongodb")

ROW_KINDS = frozenset(("insert", "update", "replace", "delete"))
EMPTY_ANSWERS = 2
"""So many in a row, of full await time and behind the goal, say that nothing is left."""
MAX_GROUP = 20_000
"""Events of one cluster time that are held to be folded; a larger transaction goes out in parts."""


@dataclass
class Follower:
    """A selected stream and what it has of its collection."""

    name: str
    collection: str
    sink: Sink
    bookmark: Bookmark
    counts: Counter[str] = field(default_factory=Counter)
    """Rows by operation."""

    def value(self) -> dict[str, Any]:
        """Return the stream's bookmark for the state."""
        self.bookmark.fields = self.sink.memory()
        return self.bookmark.value()


class _Row(NamedTuple):
    """What is left of a key's events at one cluster time."""

    change: Change
    document: bytes | None


class Track:
    """One change stream on its way through history."""

    def __init__(
        self,
        source: Source,
        settings: Settings,
        journal: Journal,
        *,
        scope: Scope,
        cursor: Cursor,
        followers: list[Follower],
    ) -> None:
        self.scope = scope
        self.cursor = cursor
        self.followers = followers
        self._source = source
        self._settings = settings
        self._journal = journal
        self._by_collection = {follower.collection: follower for follower in followers}
        self._pending: list[Change] = []
        self._reader = Reader(source, settings, scope, cursor)
        self._has_tables = not settings.is_changelog
        self._has_events = settings.output_mode != "upsert"

    def open(self) -> None:
        """Open the change stream at the cursor: by its token, else by its time.

        Raises:
            HistoryGoneError: the server has neither.
        """
        self._pending.clear()
        self._reader.open(self.cursor)

    def close(self) -> None:
        """Let go of the change stream; what was held back is read again."""
        self._pending.clear()
        self._reader.close()

    def catch_up(self, goal: Timestamp) -> None:
        """Take every change up to the cluster time ``goal``; more may come with them.

        Raises:
            HistoryGoneError: the server lost what comes next.
            ConfigError: an event is too large for the server and the settings.
            StopRun: the run is to end.
        """
        empty = 0
        quiet_since = self._journal.clock()
        while True:
            found = self._reader.next()
            if isinstance(found, Change):
                empty, quiet_since = 0, self._journal.clock()
                if self._take(found) and found.time > goal and self._is_enough:
                    return
                continue
            self._flush()
            self.cursor.move(found.token, found.known)
            self._journal.safe_point()
            if found.has_waited and found.time is not None and found.time >= goal:
                empty += 1
            is_quiet = self._journal.clock() - quiet_since >= self._settings.idle_timeout_seconds
            if is_quiet or (empty >= EMPTY_ANSWERS and self._is_enough):
                return

    @property
    def _is_enough(self) -> bool:
        return self._settings.run_until == "caught_up"

    def _take(self, change: Change) -> bool:
        """Hold an event until its cluster time is complete; return whether one was completed."""
        self._journal.events += 1
        pending = self._pending
        is_complete = bool(pending) and pending[0].time != change.time
        if is_complete:
            self._flush()
            self._journal.safe_point()
        self._pending.append(change)
        if change.kind == "invalidate":
            self._flush()
            self.cursor.is_end = True
            self.close()
        elif len(self._pending) >= MAX_GROUP:
            self._apply(self._pending)
            self._pending.clear()
        return is_complete

    def _flush(self) -> None:
        """Write what the held events say, and move the cursor behind them."""
        pending, self._pending = self._pending, []
        if pending:
            self._apply(pending)
            self.cursor.move(pending[-1].token, pending[-1].time)

    def _apply(self, changes: list[Change]) -> None:
        rows: dict[tuple[str, bytes], _Row] = {}
        for change in changes:
            follower = self._by_collection.get(change.collection)
            if follower and change.is_bare:
                follower.sink.reject(change, self.cursor.lsn_of(change.time))
                self._journal.count()
            if follower and self._has_events:
                follower.sink.append(change, self.cursor.lsn_of(change.time))
                self._journal.count()
            if not self._has_tables:
                continue
            if change.kind in ROW_KINDS:
                if follower:
                    key = (change.collection, change.key)
                    earlier = rows.get(key)
                    document = change.document
                    if document is None and earlier:
                        document = earlier.document
                    rows[key] = _Row(change, document)
            else:
                self._write(rows)
                self._change_collections(change)
        self._write(rows)

    def _write(self, rows: dict[tuple[str, bytes], _Row]) -> None:
        """Write one row for each key."""
        for (collection, _), (change, document) in rows.items():
            follower = self._by_collection[collection]
            bookmark = follower.bookmark
            # The snapshot began later, so it has it.
            if change.time <= bookmark.started_at:
                continue
            lsn = self.cursor.lsn_of(change.time)
            self.cursor.lsn = max(self.cursor.lsn, lsn)
            bookmark.dropped = False
            if change.kind == "delete":
                follower.sink.delete(change, document, lsn, bookmark.version)
            elif document is None:
                follower.sink.touch(change.key, lsn, bookmark.version)
            else:
                follower.sink.upsert(document, lsn, bookmark.version)
            follower.counts[change.kind] += 1
            self._journal.count()
        rows.clear()

    def _change_collections(self, change: Change) -> None:
        """Do what the end of a collection, or one put in its place, does to the streams."""
        match change.kind:
            case "drop":
                self._end(change, change.collection)
            case "rename":
                self._end(change, change.collection)
                if (target := self._by_collection.get(change.to)) and (
                    change.time > target.bookmark.started_at
                ):
                    self.begin_snapshot(target)
            case "dropDatabase":
                for follower in self.followers:
                    self._end(change, follower.collection)

    def _end(self, change: Change, collection: str) -> None:
        follower = self._by_collection.get(collection)
        if follower is None or self._settings.on_collection_drop == "ignore":
            return
        bookmark = follower.bookmark
        if change.time <= bookmark.started_at or bookmark.dropped:
            return
        if self._settings.on_collection_drop == "fail":
            raise HistoryLostError(
                f"collection {collection!r}: {change.kind} at cluster time "
                f"{write_time(change.time)}; set on_collection_drop to activate_version to mark "
                "its rows deleted, or to ignore to leave them"
            )
        follower.counts[change.kind] += 1
        lsn = self.cursor.lsn_of(change.time)
        if not bookmark.done or bookmark.lsn >= lsn:
            # Rows were read after the drop that this event tells of: which of them belong to the
            # collection made anew, nobody can say but the collection itself.
            self.begin_snapshot(follower)
            return
        bookmark.version = max(lsn, bookmark.version + 1)
        bookmark.dropped, bookmark.uuid = True, ""
        self.cursor.lsn = max(self.cursor.lsn, lsn)
        follower.sink.activate(bookmark.version, "collection_dropped")
        self._journal.count()

    def begin_snapshot(self, follower: Follower) -> None:
        """Let the stream be read anew, in a version of its own."""
        old = follower.bookmark
        follower.bookmark = fresh_bookmark(
            self._source, self._settings, self.cursor, above=old.version
        )
