"""A change stream over pymongo, event by event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bson
from bson import Timestamp
from bson.raw_bson import RawBSONDocument
from pymongo.errors import OperationFailure, PyMongoError

from singer_kit.errors import ConfigError, SourceUnreachableError
from tap_mongodb.client import (
    Change,
    HistoryGoneError,
    OversizeEventError,
    TokenRefusedError,
)
from tap_mongodb.connection import named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_mongodb.answers import Answers, Nothing
    from tap_mongodb.client import Token

_HISTORY_LOST, _FATAL = 286, 280
"""ChangeStreamHistoryLost, and ChangeStreamFatalError: a token that is not found, for one."""
_TOO_LARGE = frozenset((10334, 17280))


def is_gone(error: OperationFailure, *, with_token: bool = False) -> bool:
    """Return whether the server's history does not reach back that far.

    A token that is not found says nothing yet: the time that goes with it may still be there.
    """
    return error.code == _HISTORY_LOST or (error.code == _FATAL and not with_token)


def is_too_large(error: OperationFailure) -> bool:
    """Return whether the server has an event that it cannot send."""
    return error.code in _TOO_LARGE


class LargeFirst:
    """A change stream that was not opened, for its very first event is too large."""

    token: Token | None = None
    operation_time: Timestamp | None = None
    waited = 0.0

    def __init__(self, said: str) -> None:
        self._said = said

    def next(self) -> Change | None:
        """Say so.

        Raises:
            OversizeEventError: always.
        """
        raise OversizeEventError(self._said)

    def close(self) -> None:
        """Do nothing: the server knows of no stream."""


class MongoFeed:
    """An open change stream; see :class:`~tap_mongodb.client.Feed`."""

    def __init__(
        self,
        answers: Answers,
        token: Token | None,
        database: str,
        *,
        is_by_token: bool,
        is_bare: bool = False,
    ) -> None:
        self.token = token
        self.operation_time: Timestamp | None = None
        self.waited = 0.0
        self._answers = answers
        self._database = database
        self._is_by_token = is_by_token
        """And nothing was answered since."""
        self._is_bare = is_bare
        self._coming: Iterator[RawBSONDocument] = iter(())
        self._end: Nothing | PyMongoError | None = None
        self._fragments: dict[str, Any] = {}
        self._names: dict[bytes, str] = {}

    def next(self) -> Change | None:
        """Return the next event, or None after one empty answer.

        Raises:
            HistoryGoneError: the server lost what comes next.
            TokenRefusedError: the server took the token only to find that it cannot begin there.
            OversizeEventError: an event is larger than the server can send.
            ConfigError: the settings' pipeline takes away what is needed.
            SourceUnreachableError: the server went away and did not come back.
        """
        while True:
            for event in self._coming:
                if whole := self._whole(event):
                    return self._change(whole)
            end, self._end = self._end, None
            if isinstance(end, PyMongoError):
                raise self._named(end) from None
            if end is not None:
                self._is_by_token = False
                self.token, self.operation_time, self.waited = end
                return None
            found = self._answers.next()
            self._coming, self._end = iter(found.events), found.end
            if found.events:
                self._is_by_token = False
                self.operation_time = found.time

    def close(self) -> None:
        """Let the server forget the stream."""
        try:
            self._answers.close()
        except PyMongoError as error:
            raise named(error, f"database {self._database!r}") from None

    def _named(self, error: PyMongoError) -> Exception:
        where = f"change stream on database {self._database!r}"
        if isinstance(error, OperationFailure):
            said = (error.details or {}).get("errmsg") or str(error)
            if error.code == _FATAL and self._is_by_token:
                return TokenRefusedError(said)
            if is_gone(error):
                return HistoryGoneError(said)
            if is_too_large(error):
                return OversizeEventError(said)
        return named(error, where)

    def _whole(self, event: RawBSONDocument) -> RawBSONDocument | None:
        """Put the fragments of a split event together; return None until the last is there."""
        split = event.get("splitEvent")
        if split is None:
            return event
        if split["of"] == 1:
            return event
        self._fragments |= {name: event[name] for name in event if name != "splitEvent"}
        if split["fragment"] < split["of"]:
            return None
        whole, self._fragments = self._fragments, {}
        return RawBSONDocument(bson.encode(whole))

    def _change(self, event: RawBSONDocument) -> Change:
        # A plain dict: each look into the document itself is a call of several of its methods.
        fields = dict(event.items())
        try:
            kind, time, token = fields["operationType"], fields["clusterTime"], fields["_id"]
        except KeyError as error:
            raise ConfigError(
                f"setting 'change_stream_pipeline': it takes {error} away from events; keep _id, "
                "operationType, clusterTime, ns, documentKey and fullDocument"
            ) from None
        if not isinstance(time, Timestamp):
            raise SourceUnreachableError(
                f"change stream on database {self._database!r}: clusterTime is no timestamp; see "
                "what change_stream_pipeline makes of it"
            )
        target = fields.get("to") or {}
        return Change(
            kind,
            self._collection_in(fields.get("ns")),
            time,
            token,
            _raw(fields.get("documentKey")) or b"",
            _raw(fields.get("fullDocument")),
            _raw(fields.get("fullDocumentBeforeChange")),
            target.get("coll", "") if target.get("db") == self._database else "",
            bytes(event.raw),
            self._is_bare,
        )

    def _collection_in(self, namespace: RawBSONDocument | None) -> str:
        """Return the name in a namespace; there are few, and each comes with many events."""
        if namespace is None:
            return ""
        said = bytes(namespace.raw)
        name = self._names.get(said)
        if name is None:
            name = self._names[said] = namespace.get("coll", "")
        return name


def _raw(document: Any) -> bytes | None:
    # A large one is a view of the whole message.
    return bytes(document.raw) if isinstance(document, RawBSONDocument) else None
