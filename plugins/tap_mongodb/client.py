"""What a run asks of a server and of an output, and in which words they answer.

The code that decides what to read and what to write knows these alone, not pymongo: a test can
put a simulated server and a simulated target in their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from bson import Timestamp

if TYPE_CHECKING:
    from collections.abc import Generator

Token = Mapping[str, Any]
"""A resume token; nobody here looks inside."""


class Scope(NamedTuple):
    """What a change stream is opened on."""

    followed: tuple[str, ...]
    """The collections whose changes are wanted, sorted."""
    collection: str | None = None
    """The one collection that the stream is opened on; None for the database."""


class Start(NamedTuple):
    """Where a change stream begins: behind a token or, without one, at a cluster time."""

    time: Timestamp
    """Changes at this time are included."""
    token: Token | None = None
    is_end: bool = False
    """Whether the token is that of an event that ended a stream."""

    @property
    def by_time(self) -> Start:
        """The same without its token; behind the time at which a stream ended."""
        time = self.time
        return Start(Timestamp(time.time, time.inc + 1) if self.is_end else time)


class Form(Enum):
    """In which form a change stream is asked for events."""

    WHOLE = "whole"
    """One above 16 MB cannot be sent."""
    SPLIT = "split"
    """One above 16 MB comes in parts; what the feed gives is put together again."""
    BARE = "bare"
    """None has a document."""


class Change(NamedTuple):
    """One event of a change stream."""

    kind: str
    """MongoDB's operationType."""
    collection: str
    """Empty where an event is about the whole database."""
    time: Timestamp
    token: Token
    """Where to resume behind it."""
    key: bytes = b""
    """The documentKey as BSON."""
    document: bytes | None = None
    """The document as BSON; None where there is none, or where a look-up found none."""
    before: bytes | None = None
    """The document as it was, as BSON."""
    to: str = ""
    """What a collection is called after a rename within the database."""
    raw: bytes = b""
    """The whole event as BSON."""
    is_bare: bool = False
    """Whether it came without documents, because with them it was too large to be sent."""


class TokenRefusedError(Exception):
    """The server cannot begin behind this token; a cluster time may do."""


class HistoryGoneError(Exception):
    """The server no longer has the changes from this position on."""


class OversizeEventError(Exception):
    """The next event is larger than the server can send in this form."""


class Feed(Protocol):
    """An open change stream."""

    def next(self) -> Change | None:
        """Return the next event, or None after one empty answer of the server.

        Raises:
            HistoryGoneError: the server lost what comes next.
            TokenRefusedError: the server took the token only to find that it cannot begin there.
            OversizeEventError: the event is too large.
            SourceUnreachableError: the server went away and did not come back.
        """
        ...

    @property
    def token(self) -> Token | None:
        """Where to resume behind all that was returned, empty answers included."""
        ...

    @property
    def operation_time(self) -> Timestamp | None:
        """The server's time in its newest answer: whatever is older has been majority committed."""
        ...

    @property
    def waited(self) -> float:
        """How many seconds the server took over its newest empty answer."""
        ...

    def close(self) -> None:
        """Let the server forget the stream."""
        ...


class Source(Protocol):
    """The database that is read."""

    def cluster(self) -> str:
        """Return what tells this cluster from another one."""
        ...

    def clock(self) -> Timestamp:
        """Return the operationTime of a majority read that is finished.

        Whatever is read from now on holds every change up to that time.
        """
        ...

    def collections(self) -> dict[str, str]:
        """Return the collections by name, with their UUID where the server tells it, else ''."""
        ...

    def fingerprint(self, scope: Scope) -> str:
        """Return what changes when a token of the stream might not be found any more."""
        ...

    def can_split(self) -> bool:
        """Return whether the server sends large events in parts if asked to."""
        ...

    def watch(self, scope: Scope, start: Start, form: Form = Form.WHOLE) -> Feed:
        """Open a change stream; the same events come in each form.

        Raises:
            TokenRefusedError: the start has a token, and the server does not take it.
            HistoryGoneError: the start is a time that the server's history does not reach.
        """
        ...

    def find(self, collection: str, key: bytes) -> bytes | None:
        """Return the document with a documentKey as it is now, as BSON; None where it is gone."""
        ...

    def read(self, collection: str, after: bytes | None, size: int) -> Generator[bytes, None, None]:
        """Yield documents as BSON in the order of ``_id``, to the end.

        ``after`` is a BSON document with the ``_id`` behind which to begin. ``size`` documents are
        asked for at once; each answer may show the collection as it was when the first was asked
        for, or later. To be closed before the server is asked for something else.
        """
        ...


class Sink(Protocol):
    """Where the rows of one collection go."""

    def upsert(self, document: bytes, lsn: int, version: int) -> None:
        """Write the document as the row it is now."""
        ...

    def touch(self, key: bytes, lsn: int, version: int) -> None:
        """Write that the row has a new version whose document is not known."""
        ...

    def delete(self, change: Change, last: bytes | None, lsn: int, version: int) -> None:
        """Write that the row is gone; ``last`` is its document within the same transaction."""
        ...

    def append(self, change: Change, lsn: int) -> None:
        """Write the event itself, where the settings ask for events."""
        ...

    def reject(self, change: Change, lsn: int) -> None:
        """Write into quarantine that an event came bare."""
        ...

    def activate(self, version: int, reason: str) -> None:
        """Write that rows of versions before this one are gone."""
        ...

    def memory(self) -> Mapping[str, str] | None:
        """Return what the next run must be told of this stream's fields, if anything."""
        ...
