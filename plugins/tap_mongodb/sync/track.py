"""A change stream, the streams that follow it, and what each of its events does to their rows."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from singer_kit.errors import HistoryLostError
from tap_mongodb.client import OversizeEventError, Start, TokenRefusedError
from tap_mongodb.state import write_time
from tap_mongodb.sync.snapshot import fresh_bookmark

if TYPE_CHECKING:
    from bson import Timestamp

    from tap_mongodb.client import Change, Feed, Scope, Sink, Source
    from tap_mongodb.settings import Settings
    from tap_mongodb.state import Bookmark, Cursor
    from tap_mongodb.sync.journal import Journal

logger = logging.getLogger("tap-mongodb")

ROW_KINDS = frozenset(("insert", "update", "replace", "delete"))
EMPTY_ANSWERS = 2
"""So many in a row, of full await time and behind the goal, say that nothing is left."""
FULL = 0.9
"""Of the await time; a server that is sooner had only enough of events that nobody wants."""
MAX_GROUP = 20_000
"""Events of one cluster time that are held to be folded; a larger transaction goes out in parts."""

MAX_AGAIN = 20
"""So often an event that is too large is met again where its token is not taken."""


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
        self.hash = source.fingerprint(scope)
        self._source = source
        self._settings = settings
        self._journal = journal
        self._by_collection = {follower.collection: follower for follower in followers}
        self._pending: list[Change] = []
        self._feed: Feed | None = None
        self._fresh: Start | None = None
        """Where the change stream was opened, if it has not given anything since."""
        self._comes_again = 0
        """How often in a row one event that is too large was met again."""
        self._has_tables = not settings.is_changelog
        self._has_events = settings.output_mode != "upsert"

    def open(self) -> None:
        """Open the change stream at the cursor: by its token, else by its time.

        Raises:
            HistoryGoneError: the server has neither.
        """
        self.close()
        cursor = self.cursor
        self._feed, is_by_token = self._open_at(cursor.start)
        cursor.pipeline_hash = self.hash
        if not is_by_token:
            self._move(self._feed.token)

    def _open_at(self, start: Start) -> tuple[Feed, bool]:
        feed, is_by_token = self._watch(start)
        self._fresh = start if is_by_token else start.by_time
        return feed, is_by_token

    def _watch(self, start: Start, *, is_bare: bool = False) -> tuple[Feed, bool]:
        """Open a change stream by token, else by time; return which of them it was."""
        if start.token is not None:
            try:
                return self._source.watch(self.scope, start, is_bare=is_bare), True
            except TokenRefusedError as refused:
                is_changed = self.cursor.pipeline_hash != self.hash
                logger.info(
                    "resume token not taken (%s%s); going on from cluster time %s",
                    "the pipeline has changed; " if is_changed else "",
                    refused,
                    write_time(start.time),
                )
        return self._source.watch(self.scope, start.by_time, is_bare=is_bare), False

    def close(self) -> None:
        """Let go of the change stream; what was held back is read again."""
        self._pending.clear()
        feed, self._feed = self._feed, None
        if feed:
            feed.close()

    def catch_up(self, goal: Timestamp) -> None:
        """Take every change up to the cluster time ``goal``; more may come with them.

        Raises:
            HistoryGoneError: the server lost what comes next.
            StopRun: the run is to end.
        """
        empty = 0
        quiet_since = self._journal.clock()
        while True:
            feed = self._feed
            if feed is None:
                self.open()
                continue
            known = feed.operation_time
            try:
                change = feed.next()
            except OversizeEventError:
                change = self._next_bare(feed)
                if change is None:
                    continue
            if change is not None:
                if not change.is_bare:
                    self._fresh = None
                empty, quiet_since = 0, self._journal.clock()
                if self._take(change) and change.time > goal and self._is_enough:
                    return
                continue
            self._flush()
            # The time of the answer before: the server had all of it committed when it found
            # nothing more.
            self._move(feed.token, known)
            self._journal.safe_point()
            if (
                self._has_waited(feed)
                and feed.operation_time is not None
                and feed.operation_time >= goal
            ):
                empty += 1
            is_quiet = self._journal.clock() - quiet_since >= self._settings.idle_timeout_seconds
            if is_quiet or (empty >= EMPTY_ANSWERS and self._is_enough):
                return

    def _next_bare(self, feed: Feed) -> Change | None:
        """Return the event that is too large, without its documents, and go on behind it.

        None where the server, asked in this way, has no event; then it is asked once more.
        """
        feed.close()
        pending = self._pending
        start = self._fresh
        if start is None:
            start = Start(pending[-1].time, pending[-1].token) if pending else self.cursor.start
        bare, _ = self._watch(start, is_bare=True)
        try:
            # A sooner empty answer had only enough of events that nobody wants.
            while (change := bare.next()) is None and not self._has_waited(bare):
                pass
        finally:
            bare.close()
        if change is None:
            self._feed, is_by_token = self._open_at(start)
        else:
            self._feed, is_by_token = self._open_at(Start(change.time, change.token))
        self._comes_again = 0 if change and is_by_token else self._comes_again + 1
        if self._comes_again > MAX_AGAIN:
            time = change.time if change else start.time
            raise HistoryLostError(
                f"change stream: the server does not go on behind the event at cluster time "
                f"{write_time(time)}, which is above 16 MB; set oversize_events to split, "
                "or drop fields from it with change_stream_pipeline"
            )
        if change and change.kind in ROW_KINDS - {"delete"} and self._has_tables:
            change = change._replace(document=self._source.find(change.collection, change.key))
        return change

    def _has_waited(self, feed: Feed) -> bool:
        """Tell whether the newest empty answer took all the time that it was given."""
        return feed.waited >= FULL * self._settings.await_seconds

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
            self._move(pending[-1].token, pending[-1].time)

    def _move(self, token: Any, time: Timestamp | None = None) -> None:
        """Move the cursor; a server without a token leaves its time as the position."""
        cursor = self.cursor
        if token is not None:
            cursor.token, cursor.is_end = token, False
        if time is not None and time > cursor.time:
            cursor.time = time

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
