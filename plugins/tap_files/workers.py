"""Processes that share one kind of work and give its results in the order it was handed out.

They are forked, so they know all that this process knew; what they are given and give back goes
through a socket each. A worker that dies costs nothing but its result: whoever asked for it does
that work without.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from multiprocessing.connection import Connection

MAX_WORKERS = 4

logger = logging.getLogger("tap-files")

Item = TypeVar("Item")
Task = TypeVar("Task")
Result = TypeVar("Result")


def worker_count() -> int:
    """Return how many workers this machine has use for; 0 where one process is as fast.

    Only on Linux: what libraries of other systems make of a fork is not ours to say.
    """
    if sys.platform != "linux":
        return 0
    cores = len(os.sched_getaffinity(0))
    return min(cores, MAX_WORKERS) if cores > 1 else 0


class Workers(Generic[Task, Result]):
    """A fixed number of workers; to be made before this process has threads."""

    def __init__(self, count: int, work: Callable[[Task], Result]) -> None:
        """Start them; ``work`` is done in them, and its results are picklable."""
        context = multiprocessing.get_context("fork")
        self._idle: deque[Connection] = deque()
        self.processes = []
        for number in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_serve,
                args=(theirs, [*self._idle, ours], work),
                name=f"tap-files-{number}",
                daemon=True,
            )
            process.start()
            theirs.close()
            self._idle.append(ours)
            self.processes.append(process)

    def map(
        self, items: Iterable[tuple[Item, Task | None]]
    ) -> Generator[tuple[Item, Result | None]]:
        """Yield each item with its task's result, in the order given.

        An item without a task has none, and everything before it is yielded before the next
        item is asked for: until then the workers are free. A result is None, too, where a worker
        died or its work failed.
        """
        waiting: deque[tuple[Item, Connection]] = deque()
        try:
            for item, task in items:
                if task is None or not (self._idle or waiting):
                    while waiting:
                        yield self._collect(waiting)
                    yield item, None
                    continue
                if not self._idle:
                    yield self._collect(waiting)
                if not self._idle:  # the one that was waited for has died
                    while waiting:
                        yield self._collect(waiting)
                    if not self._idle:
                        yield item, None
                        continue
                connection = self._idle.popleft()
                with suppress(OSError):  # dead: its result will not come
                    connection.send(task)
                waiting.append((item, connection))
            while waiting:
                yield self._collect(waiting)
        finally:
            while waiting:
                self._collect(waiting)

    def _collect(self, waiting: deque[tuple[Item, Connection]]) -> tuple[Item, Result | None]:
        item, connection = waiting.popleft()
        try:
            result: Result | None = connection.recv()
        except (EOFError, OSError):
            logger.warning("a worker process ended before its time; the run goes on without it")
            connection.close()
            return item, None
        self._idle.append(connection)
        return item, result

    def close(self) -> None:
        """End them."""
        while self._idle:
            self._idle.popleft().close()
        for process in self.processes:
            process.join()


def _serve(
    connection: Connection, others: Iterable[Connection], work: Callable[[Task], Result]
) -> None:
    """Work until nobody is left to ask for it."""
    # A terminal's Ctrl-C reaches all; the process that asks decides when there is no more to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Held open here, these would hide from others that the asking process is gone.
    for other in others:
        other.close()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with suppress(EOFError, OSError):
        while True:
            task = connection.recv()
            result: Result | None
            try:
                result = work(task)
            except Exception:  # noqa: BLE001 - it comes again where it can be told
                result = None
            connection.send(result)
