"""Files fetched ahead by a few threads, handed out in order, with bounded memory."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, NamedTuple

from tap_files.client import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from tap_files.client import FileObject, Store

THREADS = 8
LARGE_BYTES = 8 * 1024 * 1024
"""Objects above it are not fetched ahead but streamed when it is their turn."""
AHEAD_FILES = 64
AHEAD_BYTES = 32 * 1024 * 1024
WAIT_SECONDS = 0.5


class Fetched(NamedTuple):
    """A file whose turn it is: its chunks, or why it cannot be had."""

    obj: FileObject
    chunks: Iterable[bytes]
    unavailable: UnavailableError | None = None

    @property
    def is_whole(self) -> bool:
        """Return whether the chunks are all there, in memory."""
        return isinstance(self.chunks, tuple) and not self.unavailable


def fetch(
    store: Store, objects: Iterable[FileObject], proceed: Callable[[], None]
) -> Generator[Fetched, None, None]:
    """Yield each object in the order given.

    Args:
        store: where they are.
        objects: what to fetch.
        proceed: called while waiting; raises when the run is to end.

    Raises:
        SourceUnreachableError: the store cannot be reached or refuses.
    """
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="fetch")
    ahead: deque[tuple[FileObject, Future[bytes] | None]] = deque()
    pending = iter(objects)
    ahead_bytes = 0
    try:
        while True:
            while len(ahead) < AHEAD_FILES and ahead_bytes < AHEAD_BYTES:
                obj = next(pending, None)
                if obj is None:
                    break
                if obj.size > LARGE_BYTES:
                    ahead.append((obj, None))
                else:
                    ahead.append((obj, pool.submit(store.read, obj)))
                    ahead_bytes += obj.size
            if not ahead:
                return
            obj, future = ahead.popleft()
            if future is None:
                yield Fetched(obj, store.stream(obj))
                continue
            ahead_bytes -= obj.size
            while not wait([future], WAIT_SECONDS).done:
                proceed()
            try:
                yield Fetched(obj, (future.result(),))
            except UnavailableError as error:
                yield Fetched(obj, (), error)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
