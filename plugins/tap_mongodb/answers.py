"""Events as the server answers them, the next ones asked for while these are being written."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pymongo.errors import (
    ConnectionFailure,
    CursorNotFound,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)

if TYPE_CHECKING:
    from bson import Timestamp
    from bson.raw_bson import RawBSONDocument
    from pymongo.change_stream import ChangeStream
    from pymongo.client_session import ClientSession

    from tap_mongodb.client import Token

ATTEMPTS = 5
"""How often an answer is asked for again when a server went."""
_MANY, _LARGE_BYTES, _LONG_SECONDS = 1_000, 4 << 20, 0.5
"""What is handed over in one piece: so many events, so much of them, or those of so long a time."""
_PASSING = frozenset((6, 7, 43, 63, 89, 91, 150, 189, 234, 237, 262, 9001, 10107, 11600, 11602))
"""Codes of elections, shut-downs and lost connections, as drivers resume change streams on."""
_ALSO_PASSING = frozenset((133, 13388, 13435, 13436))


def is_passing(error: PyMongoError) -> bool:
    """Return whether the same request may be answered once the servers have found each other."""
    if isinstance(error, ServerSelectionTimeoutError):
        return False
    if isinstance(error, ConnectionFailure | CursorNotFound):
        return True
    code = error.code if isinstance(error, OperationFailure) else None
    return code in _PASSING or code in _ALSO_PASSING


class Nothing(NamedTuple):
    """An empty answer: for now there are no more events."""

    token: Token | None
    """Where to resume behind it."""
    time: Timestamp | None
    """The server's time in it."""
    seconds: float
    """How long the server took over it."""


@dataclass
class Events:
    """Some events in a row, and what came behind them."""

    events: list[RawBSONDocument] = field(default_factory=list)
    time: Timestamp | None = None
    """The server's time in the answer with the last of them."""
    end: Nothing | PyMongoError | None = None
    """None where there may be more at once."""


class Answers:
    """What a change stream gives, many events at a time."""

    def __init__(self, stream: ChangeStream[RawBSONDocument], session: ClientSession) -> None:
        """Take over an open stream and its session, which nobody else may use meanwhile."""
        self._stream = stream
        self._session = session
        self._pool = ThreadPoolExecutor(1, "change-stream")
        self._coming: Future[Events] | None = None

    def next(self) -> Events:
        """Return what comes next; what comes behind it is asked for already.

        Behind an empty answer nothing is, so that a quiet stream keeps nobody waiting.
        """
        coming, self._coming = self._coming, None
        found = coming.result() if coming else self._ask()
        if found.end is None and self._stream.alive:
            self._coming = self._pool.submit(self._ask)
        return found

    def close(self) -> None:
        """Let the server forget the stream, once it has answered what it was asked."""
        self._pool.shutdown()
        self._stream.close()
        self._session.end_session()

    def _ask(self) -> Events:
        found = Events()
        until, size = time.monotonic() + _LONG_SECONDS, 0
        while True:
            known, asked = self._session.operation_time, time.monotonic()
            try:
                event = self._try()
            except PyMongoError as error:
                found.end = error
                return found
            now = time.monotonic()
            if event is None:
                # The server had everything up to the answer before when it found nothing more.
                found.time = known
                token, said = self._stream.resume_token, self._session.operation_time
                found.end = Nothing(token, said, now - asked)
                return found
            found.events.append(event)
            size += len(event.raw)
            is_full = len(found.events) == _MANY or size > _LARGE_BYTES or now > until
            if is_full or not self._stream.alive:
                found.time = self._session.operation_time
                return found

    def _try(self) -> RawBSONDocument | None:
        """Ask once, and again where a server went and another may come."""
        failures = 0
        while True:
            try:
                return self._stream.try_next()
            except PyMongoError as error:
                failures += 1
                if not is_passing(error) or failures > ATTEMPTS or not self._stream.alive:
                    raise
