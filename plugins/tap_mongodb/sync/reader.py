"""A change stream's events one after the other, however often it has to be opened for that."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from singer_kit.errors import ConfigError, HistoryLostError
from tap_mongodb.client import Form, OversizeEventError, Start, TokenRefusedError
from tap_mongodb.state import write_time

if TYPE_CHECKING:
    from bson import Timestamp

    from tap_mongodb.client import Change, Feed, Scope, Source, Token
    from tap_mongodb.settings import Settings
    from tap_mongodb.state import Cursor

logger = logging.getLogger("tap-mongodb")

FULL = 0.9
"""Of the await time; a server that is sooner had only enough of events that nobody wants."""
MAX_AGAIN = 20
"""So often an event that is too large is met again where its token is not taken."""
_WITH_DOCUMENT = frozenset(("insert", "update", "replace"))


class Quiet(NamedTuple):
    """An empty answer: for now there are no more events."""

    token: Token | None
    """Where to resume behind it, if the server says so."""
    known: Timestamp | None
    """The server's time in the answer before: when it found nothing more, it had all up to it."""
    time: Timestamp | None
    """The server's time in this answer."""
    has_waited: bool
    """Whether it took all the time that it was given."""


class Reader:
    """Reads on from a cursor, which its owner moves behind what was read."""

    def __init__(self, source: Source, settings: Settings, scope: Scope, cursor: Cursor) -> None:
        self._source = source
        self._settings = settings
        self._scope = scope
        self._cursor = cursor
        self._hash = source.fingerprint(scope)
        self._feed: Feed | None = None
        self._form = Form.WHOLE
        """Large events are rare, and splitting is work for the server: it is asked for once one
        was met, and until the run ends."""
        self._fresh: Start | None = None
        """Where the change stream was opened, if it has not given anything since."""
        self._last: Start | None = None
        """Behind the newest event, if nothing came after it."""
        self._comes_again = 0
        """How often in a row one event that is too large was met again."""

    def open(self, cursor: Cursor) -> Feed:
        """Open the change stream at a cursor: by its token, else by its time.

        Raises:
            HistoryGoneError: the server has neither.
        """
        self.close()
        self._cursor, self._last = cursor, None
        feed, is_by_token = self._open_at(cursor.start)
        cursor.pipeline_hash = self._hash
        if not is_by_token:
            cursor.move(feed.token)
        return feed

    def close(self) -> None:
        """Let go of the change stream; it is opened again when it is asked for something."""
        feed, self._feed = self._feed, None
        if feed:
            feed.close()

    def next(self) -> Change | Quiet:
        """Return the next event, or the next empty answer.

        Raises:
            HistoryGoneError: the server lost what comes next.
            HistoryLostError: it does not go on behind an event that is too large.
            ConfigError: an event is too large for the server and the settings.
        """
        while True:
            feed = self._feed or self.open(self._cursor)
            known = feed.operation_time
            try:
                change = feed.next()
            except TokenRefusedError as refused:
                self.close()
                start = self._position
                self._say(refused, start)
                self._open_at(start.by_time)
            except OversizeEventError as large:
                self.close()
                if change := self._next_large(large):
                    return change
            else:
                if change is not None:
                    self._fresh, self._last = None, Start(change.time, change.token)
                    return change
                self._last = None
                return Quiet(feed.token, known, feed.operation_time, self._has_waited(feed))

    @property
    def _position(self) -> Start:
        return self._fresh or self._last or self._cursor.start

    def _has_waited(self, feed: Feed) -> bool:
        return feed.waited >= FULL * self._settings.await_seconds

    def _open_at(self, start: Start) -> tuple[Feed, bool]:
        """Open the change stream anew; return it, and whether that was done by the token."""
        feed, is_by_token = self._watch(start, self._form)
        self._feed = feed
        self._fresh = start if is_by_token else start.by_time
        return feed, is_by_token

    def _watch(self, start: Start, form: Form) -> tuple[Feed, bool]:
        """Open a change stream by token, else by time; return which of them it was."""
        if start.token is not None:
            try:
                return self._watch_behind(start, form), True
            except TokenRefusedError as refused:
                self._say(refused, start)
        return self._source.watch(self._scope, start.by_time, form), False

    def _watch_behind(self, start: Start, form: Form) -> Feed:
        try:
            return self._source.watch(self._scope, start, form)
        except TokenRefusedError:
            # The token of an event that came in parts is taken only where parts are asked for.
            if form is not Form.WHOLE or not self._can_split():
                raise
            feed = self._source.watch(self._scope, start, Form.SPLIT)
            self._form = Form.SPLIT
            return feed

    def _can_split(self) -> bool:
        return self._settings.oversize_events == "split" and self._source.can_split()

    def _say(self, refused: TokenRefusedError, start: Start) -> None:
        is_changed = self._cursor.pipeline_hash != self._hash
        logger.info(
            "resume token not taken (%s%s); going on from cluster time %s",
            "the pipeline has changed; " if is_changed else "",
            refused,
            write_time(start.time),
        )

    def _next_large(self, large: OversizeEventError) -> Change | None:
        """Go on at an event that is too large, as the settings say; return it if it was read."""
        if self._settings.oversize_events == "skip_and_quarantine":
            return self._next_bare()
        if self._form is Form.WHOLE and self._can_split():
            logger.info("an event is above 16 MB; asking the server for parts of such events")
            self._form = Form.SPLIT
            self._open_at(self._position)
            return None
        raise ConfigError(
            f"change stream: an event is above 16 MB ({large}); set oversize_events to split "
            "(MongoDB 6.0.9 and later) or to skip_and_quarantine, or drop fields from it with "
            "change_stream_pipeline"
        ) from None

    def _next_bare(self) -> Change | None:
        """Return the event that is too large, without its documents, and go on behind it.

        None where the server, asked in this way, has no event; then it is asked once more.
        """
        start = self._position
        bare, _ = self._watch(start, Form.BARE)
        change = None
        try:
            # A sooner empty answer had only enough of events that nobody wants.
            while (change := bare.next()) is None and not self._has_waited(bare):
                pass
        except TokenRefusedError as refused:
            self._say(refused, start)
            start = start.by_time
        finally:
            bare.close()
        _, is_by_token = self._open_at(Start(change.time, change.token) if change else start)
        self._comes_again = 0 if change and is_by_token else self._comes_again + 1
        if self._comes_again > MAX_AGAIN:
            time = change.time if change else start.time
            raise HistoryLostError(
                f"change stream: the server does not go on behind the event at cluster time "
                f"{write_time(time)}, which is above 16 MB; set oversize_events to split, "
                "or drop fields from it with change_stream_pipeline"
            )
        if change and change.kind in _WITH_DOCUMENT and not self._settings.is_changelog:
            change = change._replace(document=self._source.find(change.collection, change.key))
        return change
