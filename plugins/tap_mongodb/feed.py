"""A change stream over pymongo, which also resumes it when a server goes and another comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bson
from bson import Timestamp
from bson.raw_bson import RawBSONDocument
from pymongo.errors import (
    ConnectionFailure,
    CursorNotFound,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from singer_kit.errors import ConfigError, SourceUnreachableError
from tap_mongodb.client import Change, HistoryGoneError
from tap_mongodb.connection import named

if TYPE_CHECKING:
    from pymongo.change_stream import ChangeStream
    from pymongo.client_session import ClientSession

    from tap_mongodb.client import Token

ATTEMPTS = 5
_HISTORY_LOST, _FATAL = 286, 280
"""ChangeStreamHistoryLost, and ChangeStreamFatalError: a token that is not found, for one."""
_TOO_LARGE = frozenset((10334, 17280))
_PASSING = frozenset((6, 7, 43, 63, 89, 91, 150, 189, 234, 237, 262, 9001, 10107, 11600, 11602))
"""Codes of elections, shut-downs and lost connections, as drivers resume change streams on."""
_ALSO_PASSING = frozenset((133, 13388, 13435, 13436))


def is_gone(error: OperationFailure, *, with_token: bool = False) -> bool:
    """Return whether the server's history does not reach back that far.

    A token that is not found says nothing yet: the time that goes with it may still be there.
    """
    return error.code == _HISTORY_LOST or (error.code == _FATAL and not with_token)


def is_passing(error: PyMongoError) -> bool:
    """Return whether the same request may be answered once the servers have found each other."""
    if isinstance(error, ServerSelectionTimeoutError):
        return False
    if isinstance(error, ConnectionFailure | CursorNotFound):
        return True
    code = error.code if isinstance(error, OperationFailure) else None
    return code in _PASSING or code in _ALSO_PASSING


class MongoFeed:
    """An open change stream; see :class:`~tap_mongodb.client.Feed`."""

    def __init__(
        self, stream: ChangeStream[RawBSONDocument], session: ClientSession, database: str
    ) -> None:
        self._stream = stream
        self._session = session
        self._database = database
        self._fragments: dict[str, Any] = {}
        self._names: dict[bytes, str] = {}

    @property
    def token(self) -> Token | None:
        """Where to resume, as the server gave it."""
        return self._stream.resume_token

    @property
    def operation_time(self) -> Timestamp | None:
        """The server's time in its newest answer."""
        return self._session.operation_time

    def next(self) -> Change | None:
        """Return the next event, or None after one empty answer.

        Raises:
            HistoryGoneError: the server lost what comes next.
            ConfigError: an event is larger than the server can send.
            SourceUnreachableError: the server went away and did not come back.
        """
        failures = 0
        while True:
            try:
                event = self._stream.try_next()
            except PyMongoError as error:
                failures += 1
                if not is_passing(error) or failures > ATTEMPTS or not self._stream.alive:
                    raise self._named(error) from None
                continue
            if event is None:
                return None
            if whole := self._whole(event):
                return self._change(whole)

    def close(self) -> None:
        """Let the server forget the stream."""
        try:
            self._stream.close()
            self._session.end_session()
        except PyMongoError as error:
            raise named(error, f"database {self._database!r}") from None

    def _named(self, error: PyMongoError) -> Exception:
        where = f"change stream on database {self._database!r}"
        if isinstance(error, OperationFailure):
            said = (error.details or {}).get("errmsg") or str(error)
            if is_gone(error):
                return HistoryGoneError(said)
            if error.code in _TOO_LARGE:
                return ConfigError(
                    f"{where}: an event is above 16 MB ({said}); set oversize_events to split "
                    "(MongoDB 6.0.9 and later), or drop fields from it with change_stream_pipeline"
                )
        return named(error, where)

    def _whole(self, event: RawBSONDocument) -> RawBSONDocument | None:
        """Put the fragments of a split event together; return None until the last is there."""
        split = event.get("splitEvent")
        if split is None:
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
