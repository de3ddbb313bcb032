"""Batches straight to a replica, past what the driver does for a request of any kind.

A first attempt needs no query plan, no future and no timer of its own. Whatever comes of it but
the plain word that it was written is the caller's to send again in the driver's own way, which
knows what to do about a statement that a server has forgotten, a node that went, and the rest.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from cassandra.connection import ConnectionException
from cassandra.pool import NoConnectionsAvailable
from cassandra.protocol import ResultMessage

from target_cassandra import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cassandra.cluster import Session

    Answered = Callable[[bool, Sequence[str]], None]
    """Is called in another thread: whether it was written, and what the server warns of."""


@dataclass(slots=True)
class _Sent:
    pool: Any
    connection: Any
    number: int
    answered: Answered
    at: float = field(default_factory=time.monotonic)


class Lanes:
    """The connections of a session, by host. Only one thread may send and give up."""

    def __init__(self, session: Session, timeout_seconds: float) -> None:
        self._session = session
        self._timeout_seconds = timeout_seconds
        self._turn = itertools.count()
        self._sent: dict[int, _Sent] = {}

    def send(self, batch: bytes, hosts: Sequence[Any], answered: Answered) -> bool:
        """Send a batch to one of the hosts, in turn; False if none of them can be asked now."""
        turn = next(self._turn)
        for at in range(len(hosts)):
            pool = self._session._pools.get(hosts[(turn + at) % len(hosts)])  # noqa: SLF001 - has no public name
            if pool is None or pool.is_shutdown:
                continue
            try:
                connection, number = pool.borrow_connection(timeout=0)
            except (ConnectionException, NoConnectionsAvailable):
                continue
            sent = _Sent(pool, connection, number, answered)
            self._sent[turn] = sent
            try:
                connection.send_msg(
                    batch,
                    number,
                    cb=partial(self._answered, turn),
                    encoder=wire.encode,
                    decoder=wire.decode,
                )
            except (ConnectionException, OSError):
                if self._sent.pop(turn, None) is not None:
                    pool.return_connection(connection)
                continue
            return True
        return False

    def give_up(self) -> None:
        """Count requests as lost that were not answered in time."""
        due = time.monotonic() - self._timeout_seconds
        for turn, sent in list(self._sent.items()):
            if sent.at > due or self._sent.pop(turn, None) is None:
                continue
            # The answer may come yet, so its number is not used again before that.
            connection = sent.connection
            is_lost = connection._requests.pop(sent.number, None) is not None  # noqa: SLF001 - as the driver's own timer
            if is_lost:
                with connection.lock:
                    connection.orphaned_request_ids.add(sent.number)
                    connection.orphaned_threshold_reached = (
                        len(connection.orphaned_request_ids) >= connection.orphaned_threshold
                    )
            sent.pool.return_connection(connection, stream_was_orphaned=is_lost)
            sent.answered(False, ())  # noqa: FBT003 - a callback's

    def _answered(self, turn: int, answer: Any) -> None:
        sent = self._sent.pop(turn, None)
        if sent is None:
            return
        sent.pool.return_connection(sent.connection)
        is_written = answer is wire.VOID or isinstance(answer, ResultMessage)
        sent.answered(is_written, getattr(answer, "warnings", None) or ())
