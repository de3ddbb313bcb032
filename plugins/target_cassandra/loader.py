"""Messages become checkpoints; checkpoints are written beside the reading.

The main thread reads, validates and encodes. One other thread writes, and waits for Cassandra
without holding Python's lock. There is never more than one checkpoint being written and one
being filled, which bounds memory whatever the number of records or streams.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from singer_kit.contract import Tally
from singer_kit.errors import MessageError, NoSchemaError
from singer_kit.messages import lines_in, schema_of
from singer_kit.settings import OnInvalidRecord
from target_cassandra import tables
from target_cassandra.batches import Batch, Checkpoint, Progress
from target_cassandra.errors import EmptyVersionError
from target_cassandra.settings import DeleteMode
from target_cassandra.writer import Writer, invalid_record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_cassandra.batches import Stream
    from target_cassandra.cluster import Connection
    from target_cassandra.codec import Decoded


_EAGER_RECORDS = 1_000
"""From so many on a checkpoint is written as soon as the writer has nothing else to do."""

logger = logging.getLogger("target-cassandra")


class Loader:
    """One load, from the first message to the last acknowledgement."""

    def __init__(
        self,
        connection: Connection,
        local_dc: str | None,
        emit: Callable[[dict[str, Any]], None],
    ) -> None:
        self._connection = connection
        self._settings = connection.settings
        self._progress: dict[str, Progress] = {}
        self._streams: dict[str, Stream | None] = {}
        self._shapes: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {}
        self._writer = Writer(connection, local_dc, self._progress, emit)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._writing: Future[None] | None = None
        self._open = Checkpoint(None)
        self._deadline: float | None = None
        tables.prepare_keyspace(connection)

    def schema(self, line: int, message: dict[str, Any]) -> None:
        """Make a stream's tables ready for what follows."""
        name, schema, keys = schema_of(line, message)
        if self._shapes.get(name) == (schema, keys):
            return
        self.flush()
        self._progress.setdefault(name, Progress())
        stream = self._thread.submit(self._writer.prepare, name, schema, keys).result()
        if stream is None:
            logger.info("stream %s feeds no table: its records are left out", name)
        self._streams[name] = stream
        self._shapes[name] = (schema, keys)

    def block(self, line: int, name: str, block: bytes) -> int:
        """Take RECORD lines joined by line breaks, the first of which is line ``line``.

        Returns how many there were, or 0 if not all of them are valid records of this stream:
        then none is taken.
        """
        batch = self._batch(line, name)
        if batch is None:
            # Nothing is decoded, so nothing says that all lines are of this stream.
            return 0
        records = lines_in(block)
        decoded = batch.stream.codec.decode_block(block, range(line, line + records))
        if decoded is None:
            return 0
        self._add(batch, decoded, range(line, line + records), block)
        return records

    def records(self, name: str, lines: Sequence[bytes], numbers: Sequence[int]) -> None:
        """Take RECORD lines of one stream, each with its number in the input.

        Raises :class:`LineError`, having taken none, for a line that ends the load.
        """
        batch = self._batch(numbers[0], name)
        if batch is None:
            return
        decoded = batch.stream.codec.decode(lines, numbers)
        if decoded.faults and self._settings.on_invalid_record is OnInvalidRecord.FAIL:
            raise invalid_record(name, decoded.faults[0])
        self._add(batch, decoded, numbers, b"\n".join(lines))

    def _add(self, batch: Batch, decoded: Decoded, numbers: Sequence[int], block: bytes) -> None:
        records = len(numbers)
        batch.add(decoded, numbers, block)
        self._open.rows += records
        self._open.size += sum(record.size for record in decoded.records)
        self._open.size += sum(len(fault.payload) for fault in decoded.faults)
        progress = self._progress[batch.stream.name]
        progress.rows_in += records
        if rejected := len({fault.line for fault in decoded.faults}):
            progress.rejected += rejected
            self._check_rejected(batch.stream.name, progress)
        self.tick()

    def state(self, line: int, message: dict[str, Any]) -> None:
        """Take a STATE: it holds once everything before it is acknowledged."""
        state = message.get("value")
        if not isinstance(state, dict):
            raise MessageError(line, "is a STATE message without a value")
        if not state:
            return
        self._open.state = state
        self._wait_no_longer_than_the_limit()

    def activate_version(self, line: int, message: dict[str, Any]) -> None:
        """Take an ACTIVATE_VERSION: it speaks of the rows before it, not of those after."""
        name, version = message.get("stream"), message.get("version")
        if not isinstance(name, str) or not isinstance(version, int):
            raise MessageError(line, "is an ACTIVATE_VERSION without a stream or a version")
        batch = self._batch(line, name)
        if batch is None or self._settings.delete_mode is not DeleteMode.HARD:
            return
        if not self._progress[name].rows_in and not message.get("reason"):
            raise EmptyVersionError(
                f"stream {name}: version {version} has no row and no reason is given, so every "
                "row of its tables would go; look at the tap, nothing was removed"
            )
        batch.activate = version
        self.flush()

    def tick(self) -> None:
        """Start writing if there is enough, if it has waited long, or if the writer is idle."""
        size, rows = self._open.size, self._open.rows
        is_full = size >= self._settings.batch_size_bytes or rows >= self._settings.batch_size_rows
        is_idle = self._writing is None or self._writing.done()
        is_late = self._deadline is not None and time.monotonic() >= self._deadline
        if is_full or is_late or (is_idle and rows >= _EAGER_RECORDS):
            self.flush()

    def flush(self) -> None:
        """Start writing what is there, once what is being written is acknowledged."""
        self._settle()
        full, self._open = self._open, Checkpoint(None)
        self._deadline = None
        if full.batches or full.state is not None:
            self._writing = self._thread.submit(self._writer.write, full)

    def finish(self, *, is_whole: bool) -> None:
        """Write what is left; ``is_whole`` says that the input was read to its end.

        Raises what ended the load, if something did.
        """
        try:
            self.flush()
            self._settle()
            if is_whole:
                for name, progress in self._progress.items():
                    self._check_rejected(name, progress)
        finally:
            self.close()

    def close(self) -> None:
        """Leave the cluster, whatever state the load is in."""
        self._thread.shutdown()
        self._writer.close()
        self._connection.close()

    def _batch(self, line: int, name: str) -> Batch | None:
        """Return the open batch of a stream, None if the stream feeds no table."""
        if name not in self._streams:
            raise NoSchemaError(line, name)
        stream = self._streams[name]
        if stream is None:
            return None
        if name not in self._open.batches:
            self._open.batches[name] = Batch(stream)
            self._wait_no_longer_than_the_limit()
        return self._open.batches[name]

    def _wait_no_longer_than_the_limit(self) -> None:
        if self._deadline is None:
            self._deadline = time.monotonic() + self._settings.batch_wait_limit_seconds

    def _settle(self) -> None:
        """Wait for the checkpoint that is being written; raises what stopped it."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    def _check_rejected(self, name: str, progress: Progress) -> None:
        Tally(
            name,
            self._settings.max_rejected_ratio,
            accepted=progress.rows_in - progress.rejected,
            rejected=progress.rejected,
        ).check()
