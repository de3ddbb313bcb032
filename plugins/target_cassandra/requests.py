"""Requests to Cassandra: many at once, each sent again until it is acknowledged.

Every write here is idempotent, for it carries its own timestamp. What the server refuses for its
content is taken apart until the one write that is wrong stands alone.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from cassandra import InvalidRequest, Unauthorized
from cassandra.query import BatchStatement, BatchType, BoundStatement

from target_cassandra import wire
from target_cassandra.cluster import TROUBLE, first_line
from target_cassandra.errors import WriteError
from target_cassandra.lanes import Lanes
from target_cassandra.packing import batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cassandra.query import PreparedStatement

    from target_cassandra.cluster import Connection
    from target_cassandra.ring import Ring

_LONGEST_WAIT_SECONDS = 10.0
_LOOK_SECONDS = 1.0
"""How often it is looked whether a request waits too long for its answer."""


class Write(msgspec.Struct, frozen=True, gc=False):
    """One statement with its values, as they stand in a batch."""

    entry: bytes
    size: int
    """How large a server thinks it is, at the most."""
    partition: bytes
    """The routing key."""
    line: int
    """The message it was made from, from 1."""


class Refused(NamedTuple):
    """A write that the server refuses for its content."""

    write: Write
    message: str


@dataclass(slots=True)
class _Request:
    writes: Sequence[Write] = ()
    hosts: Sequence[Any] = ()
    """Who may be asked directly, for the first attempt of a write."""
    query: BoundStatement | None = None
    take: Callable[[Any], None] | None = None
    attempts: int = 0
    settled: int = 0
    """The last attempt that something has come of."""
    error: BaseException | None = None


class _Bound(BoundStatement):  # type: ignore[misc] # the driver has no types
    """A statement whose values are encoded, with a routing key also where it has none itself."""

    routing_key = b""


class _UnansweredError(Exception):
    """A first attempt brought anything but the word that it was written."""


@dataclass
class Requests:
    """What is under way. Only one thread may send and wait."""

    connection: Connection
    warnings: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        settings = self.connection.settings
        self._most = settings.max_concurrent_requests
        self._lanes = Lanes(self.connection.session, settings.request_timeout_seconds)
        self._changed = threading.Condition()
        self._open = 0
        self._awaited = 0
        self._failed: list[_Request] = []
        self.refused: list[Refused] = []

    def write(self, writes: Iterable[Write], ring: Ring) -> None:
        """Send writes in unlogged batches, each for nodes that own all of it."""
        for group, batch in batches(writes, ring, self.connection.settings.max_batch_bytes):
            self._send(_Request(batch, ring.hosts(group)))

    def read(
        self,
        statement: PreparedStatement,
        values: Sequence[bytes],
        partition: bytes,
        take: Callable[[Any], None],
    ) -> None:
        """Send a query; ``take`` is given its rows, in another thread.

        Its values are as :mod:`target_cassandra.values` makes them, but for their lengths.
        """
        bound = _Bound(statement)
        bound.values = values
        bound.routing_key = partition
        bound.is_idempotent = True
        self._send(_Request(query=bound, take=take))

    def rows(self, statement: PreparedStatement, values: Sequence[Any]) -> Iterator[Any]:
        """Yield a query's rows, page by page; a page that does not come is asked for again.

        Raises:
            WriteError: it did not come, however often it was asked for.
        """
        settings = self.connection.settings
        paging_state = None
        attempts = 0
        while True:
            try:
                page = self.connection.session.execute(statement, values, paging_state=paging_state)
            except TROUBLE as error:
                attempts += 1
                if attempts >= settings.retry_attempts:
                    raise WriteError(
                        f"Cassandra did not answer a query on keyspace {settings.keyspace!r}, "
                        f"asked {attempts} times: {first_line(error)}"
                    ) from error
                time.sleep(min(settings.retry_backoff_seconds * 2**attempts, _LONGEST_WAIT_SECONDS))
                continue
            yield from page.current_rows
            paging_state = page.paging_state
            if paging_state is None:
                return

    def wait(self) -> list[Refused]:
        """Return once everything is acknowledged, with what the server refused.

        Raises:
            WriteError: a request was not acknowledged, however often it was sent.
        """
        settings = self.connection.settings
        while True:
            self._wait_until_open(0)
            with self._changed:
                failed, self._failed = self._failed, []
            if not failed:
                refused, self.refused = self.refused, []
                return refused
            again = []
            for request in failed:
                again += self._again(request)
            waited = [one.attempts for one in again if one.error is not None and one.attempts > 1]
            if waited:
                longest = settings.retry_backoff_seconds * 2 ** max(waited)
                # Not all at the same moment: other loaders wait for the same nodes.
                time.sleep(min(longest, _LONGEST_WAIT_SECONDS) * random.uniform(0.5, 1))  # noqa: S311 - no secret
            for request in again:
                self._send(request)

    def _again(self, request: _Request) -> list[_Request]:
        """Return what is to be sent in place of a request that failed."""
        error = request.error
        if error is None:
            return []
        if isinstance(error, _UnansweredError):
            return [request]
        if isinstance(error, InvalidRequest) and request.take is None:
            if len(request.writes) == 1:
                self.refused.append(Refused(request.writes[0], first_line(error)))
                return []
            return [_Request([one]) for one in request.writes]
        if not isinstance(error, TROUBLE):
            raise error
        attempts = self.connection.settings.retry_attempts
        if isinstance(error, Unauthorized | InvalidRequest) or request.attempts >= attempts:
            raise WriteError(
                f"Cassandra did not acknowledge a request to keyspace "
                f"{self.connection.settings.keyspace!r}, sent {request.attempts} times: "
                f"{first_line(error)}; nothing after the last STATE counts as written"
            )
        return [request]

    def _send(self, request: _Request) -> None:
        if self._open >= self._most:
            # Not for each single answer: a thread that is woken up costs more than a request.
            self._wait_until_open(self._most // 2)
        request.attempts += 1
        attempt = request.attempts
        with self._changed:
            self._open += 1
        if request.hosts and attempt == 1:
            batch = wire.body(
                [write.entry for write in request.writes],
                self.connection.settings.consistency_level,
            )

            def answered(is_written: bool, warnings: Sequence[str]) -> None:
                self.warnings.update(warnings)
                self._settled(request, attempt, None if is_written else _UnansweredError())

            if self._lanes.send(batch, request.hosts, answered):
                return
        try:
            future = self.connection.session.execute_async(
                request.query or self._batch(request.writes)
            )
        except TROUBLE as error:
            self._settled(request, attempt, error)
            return
        future.add_callbacks(
            callback=self._answered,
            callback_args=(request, attempt, future),
            errback=lambda error: self._settled(request, attempt, error),
        )

    def _batch(self, writes: Sequence[Write]) -> BatchStatement:
        """Return what the driver sends; :mod:`target_cassandra.wire` makes a frame of it."""
        batch = BatchStatement(BatchType.UNLOGGED)
        batch._statements_and_parameters = [write.entry for write in writes]  # noqa: SLF001 - for wire.Protocol
        batch.routing_key = writes[0].partition
        # The statement's own is empty; without one the driver asks any node.
        batch.keyspace = self.connection.settings.keyspace
        batch.is_idempotent = True
        return batch

    def _answered(self, rows: Any, request: _Request, attempt: int, future: Any) -> None:
        if attempt <= request.settled:
            return
        error = None
        try:
            if request.take is not None:
                request.take(rows)
            elif future.warnings:
                self.warnings.update(future.warnings)
        except BaseException as raised:  # noqa: BLE001 - raised again where somebody waits
            error = raised
        self._settled(request, attempt, error)

    def _settled(self, request: _Request, attempt: int, error: BaseException | None) -> None:
        with self._changed:
            if attempt <= request.settled:
                # The driver tells of a request that it prepares anew when its time is up, and
                # again when it is answered: counted twice, another would pass for acknowledged.
                return
            request.settled = attempt
            request.error = error
            self._open -= 1
            if error is not None:
                self._failed.append(request)
            if self._open <= self._awaited:
                # Once: answers that come before who waits has woken up are not told of.
                self._awaited = -1
                self._changed.notify()

    def _wait_until_open(self, most: int) -> None:
        """Wait until at most so many requests are under way."""
        while True:
            with self._changed:
                self._awaited = most
                is_reached = self._changed.wait_for(lambda: self._open <= most, _LOOK_SECONDS)
                self._awaited = -1
            if is_reached:
                return
            self._lanes.give_up()
