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

from cassandra import InvalidRequest, Unauthorized
from cassandra.query import BatchStatement, BatchType, BoundStatement

from target_cassandra.cluster import TROUBLE, first_line
from target_cassandra.errors import WriteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cassandra.query import PreparedStatement

    from target_cassandra.cluster import Connection
    from target_cassandra.ring import Ring

_LONGEST_WAIT_SECONDS = 10.0
_MOST_PARTITIONS = 10
"""More of them in one unlogged batch make a server warn."""

_CELL_BYTES = 24
_ROW_BYTES = 48
"""What a server adds to a cell's and a row's values when it measures a batch."""


class Write(NamedTuple):
    """One statement's values, as they go over the wire."""

    statement: PreparedStatement
    values: Sequence[Any]
    partition: bytes
    """The routing key."""
    line: int
    """The message it was made from, from 1."""

    @property
    def size(self) -> int:
        """How large a server thinks it is, at the most."""
        return _ROW_BYTES + sum(
            _CELL_BYTES + len(value) for value in self.values if isinstance(value, bytes)
        )


class Refused(NamedTuple):
    """A write that the server refuses for its content."""

    write: Write
    message: str


@dataclass(slots=True)
class _Request:
    writes: Sequence[Write]
    take: Callable[[Any], None] | None = None
    attempts: int = 0
    error: BaseException | None = None


class _Bound(BoundStatement):  # type: ignore[misc] # the driver has no types
    """A statement whose values are encoded, with a routing key also where it has none itself."""

    routing_key = b""


@dataclass
class Requests:
    """What is under way. Only one thread may send and wait."""

    connection: Connection
    warnings: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._slots = threading.Semaphore(self.connection.settings.max_concurrent_requests)
        self._done = threading.Condition()
        self._open = 0
        self._failed: list[_Request] = []
        self.refused: list[Refused] = []

    def write(self, writes: Iterable[Write], ring: Ring) -> None:
        """Send writes in unlogged batches, each for nodes that own all of it."""
        for batch in batches(writes, ring, self.connection.settings.max_batch_bytes):
            self._send(_Request(batch))

    def read(self, write: Write, take: Callable[[Any], None]) -> None:
        """Send a query; ``take`` is given its rows, in another thread."""
        self._send(_Request([write], take))

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
            with self._done:
                self._done.wait_for(lambda: not self._open)
                failed, self._failed = self._failed, []
            if not failed:
                refused, self.refused = self.refused, []
                return refused
            again = []
            for request in failed:
                again += self._again(request)
            if again:
                longest = settings.retry_backoff_seconds * 2 ** max(one.attempts for one in again)
                # Not all at the same moment: other loaders wait for the same nodes.
                time.sleep(min(longest, _LONGEST_WAIT_SECONDS) * random.uniform(0.5, 1))  # noqa: S311 - no secret
            for request in again:
                self._send(request)

    def _again(self, request: _Request) -> list[_Request]:
        """Return what is to be sent in place of a request that failed."""
        error = request.error
        if error is None:
            return []
        if isinstance(error, InvalidRequest) and request.take is None:
            if len(request.writes) == 1:
                self.refused.append(Refused(request.writes[0], first_line(error)))
                return []
            return [_Request([one], attempts=-1) for one in request.writes]
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
        self._slots.acquire()
        request.attempts += 1
        with self._done:
            self._open += 1
        try:
            future = self.connection.session.execute_async(_statement(request.writes))
        except TROUBLE as error:
            self._settled(request, error)
            return
        future.add_callbacks(
            callback=self._answered,
            callback_args=(request, future),
            errback=lambda error: self._settled(request, error),
        )

    def _answered(self, rows: Any, request: _Request, future: Any) -> None:
        error = None
        try:
            if request.take is not None:
                request.take(rows)
            elif future.warnings:
                self.warnings.update(future.warnings)
        except BaseException as raised:  # noqa: BLE001 - raised again where somebody waits
            error = raised
        self._settled(request, error)

    def _settled(self, request: _Request, error: BaseException | None) -> None:
        self._slots.release()
        with self._done:
            self._open -= 1
            if error is not None:
                request.error = error
                self._failed.append(request)
            if not self._open:
                self._done.notify()


def batches(writes: Iterable[Write], ring: Ring, max_bytes: int) -> Iterator[list[Write]]:
    """Yield writes that may go together: the same replicas, few partitions, not too large."""
    open_batches: dict[int, tuple[list[Write], set[bytes], int]] = {}
    for write in writes:
        group = ring.group(write.partition)
        batch, partitions, size = open_batches.get(group, ([], set(), 0))
        size += write.size
        if batch and (
            size > max_bytes
            or (write.partition not in partitions and len(partitions) == _MOST_PARTITIONS)
        ):
            yield batch
            batch, partitions, size = [], set(), write.size
        batch.append(write)
        partitions.add(write.partition)
        open_batches[group] = (batch, partitions, size)
    for batch, _, _ in open_batches.values():
        yield batch


def _statement(writes: Sequence[Write]) -> Any:
    """Return what the driver sends. The values are encoded, so its own binding is not used."""
    if len(writes) == 1:
        write = writes[0]
        bound = _Bound(write.statement)
        bound.values = write.values
        bound.routing_key = write.partition
        bound.is_idempotent = True
        return bound
    batch = BatchStatement(BatchType.UNLOGGED)
    batch._statements_and_parameters = [  # noqa: SLF001 - as `add` fills it from bound statements
        (True, write.statement.query_id, write.values) for write in writes
    ]
    batch.routing_key = writes[0].partition
    # The statement's own is empty; without one the driver asks any node.
    batch.keyspace = writes[0].statement.column_metadata[0].keyspace_name
    batch.is_idempotent = True
    return batch
