"""Messages become checkpoints; checkpoints are written beside the reading.

The main thread reads, validates and encodes. One other thread writes, and waits for the server
without holding Python's lock. There is never more than one checkpoint being written and one
being filled, which bounds memory whatever the number of rows or streams.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from singer_kit.contract import Tally
from singer_kit.errors import MessageError, NoSchemaError
from singer_kit.messages import lines_in, schema_of
from singer_kit.settings import OnInvalidRecord
from target_postgres import metadata
from target_postgres.batches import Batch, Checkpoint, Progress
from target_postgres.deletes import Activation, DeleteMode
from target_postgres.errors import (
    StreamsFailedError,
)
from target_postgres.writer import Writer, invalid_record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_postgres.batches import Stream
    from target_postgres.bookmarks import State
    from target_postgres.codec import Encoded
    from target_postgres.database import Database
    from target_postgres.settings import Settings

_EAGER_BYTES = 2 * 1024 * 1024
"""From this size on a checkpoint is written as soon as the writer has nothing else to do."""


class Loader:
    """One load, from the first message to the last commit."""

    def __init__(
        self, database: Database, settings: Settings, emit: Callable[[State], None]
    ) -> None:
        self._database = database
        self._settings = settings
        self._progress: dict[str, Progress] = {}
        self._streams: dict[str, Stream | None] = {}
        self._shapes: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {}
        self._writer = Writer(database, settings, self._progress, emit)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._writing: Future[None] | None = None
        self._open = Checkpoint(None)
        self._opened_at = datetime.now(UTC)
        self._deadline: float | None = None

    def schema(self, line: int, message: dict[str, Any]) -> None:
        """Make a stream's table ready for what follows."""
        name, schema, keys = schema_of(line, message)
        if self._shapes.get(name) == (schema, keys):
            return
        if name in self._open.batches:
            self.flush()
        self._progress.setdefault(name, Progress(datetime.now(UTC)))
        prepared = self._thread.submit(self._writer.prepare, name, schema, keys)
        self._streams[name] = prepared.result()
        self._shapes[name] = (schema, keys)

    def block(self, line: int, name: str, block: bytes) -> int:
        """Take RECORD lines joined by line breaks, the first of which is line ``line``.

        Returns how many there were, or 0 if not all of them are valid records of this stream:
        then none is taken.
        """
        batch = self._batch(line, name)
        if batch is None:
            return 0
        records = lines_in(block)
        numbers = range(line, line + records)
        encoded = batch.stream.codec.encode_block(block, numbers, self._stamp())
        if encoded is None:
            return 0
        self._add(batch, encoded, records)
        return records

    def records(self, name: str, lines: Sequence[bytes], numbers: Sequence[int]) -> None:
        """Take RECORD lines of one stream, each with its number in the input.

        Raises :class:`LineError`, having taken none, for a line that ends the load.
        """
        batch = self._batch(numbers[0], name)
        if batch is None:
            return
        encoded = batch.stream.codec.encode(lines, numbers, self._stamp())
        if encoded.faults and self._settings.on_invalid_record is OnInvalidRecord.FAIL:
            raise invalid_record(name, encoded.faults[0])
        self._add(batch, encoded, len(lines))

    def _stamp(self) -> bytes:
        return metadata.stamp(datetime.now(UTC), self._opened_at)

    def _add(self, batch: Batch, encoded: Encoded, records: int) -> None:
        before = batch.size
        batch.add(encoded, records)
        self._open.size += batch.size - before
        progress = self._progress[batch.stream.name]
        progress.rows_in += records
        if rejected := len({fault.line for fault in encoded.faults}):
            progress.rejected += rejected
            self._check_rejected(batch.stream.name, progress)
        if batch.rows >= self._settings.batch_size_rows:
            self._flush_one(batch.stream.name)
        self.tick()

    def state(self, line: int, message: dict[str, Any]) -> None:
        """Take a STATE: it holds once everything before it is committed."""
        state = message.get("value")
        if not isinstance(state, dict):
            raise MessageError(line, "is a STATE message without a value")
        if not state:
            return
        if not self._open.batches:
            self._open.settled = state
        self._open.state = state
        self._wait_no_longer_than_the_limit()

    def activate_version(self, line: int, message: dict[str, Any]) -> None:
        """Take an ACTIVATE_VERSION: it speaks of the rows before it, not of those after."""
        name, version = message.get("stream"), message.get("version")
        if not isinstance(name, str) or not isinstance(version, int):
            raise MessageError(line, "is an ACTIVATE_VERSION without a stream or a version")
        batch = self._batch(line, name)
        settings = self._settings
        acts = settings.activate_version and settings.delete_mode is not DeleteMode.IGNORE
        if batch is None or not (acts and settings.add_record_metadata):
            return
        reason = message.get("reason")
        batch.activate = Activation(version, reason if isinstance(reason, str) else None)
        self.flush()

    def tick(self) -> None:
        """Start writing if there is enough, if it has waited long, or if the writer is idle."""
        size = self._open.size
        is_full = size >= self._settings.batch_size_bytes
        is_idle = self._writing is None or self._writing.done()
        is_late = self._deadline is not None and time.monotonic() >= self._deadline
        if is_full or is_late or (is_idle and size >= _EAGER_BYTES):
            self.flush()

    def flush(self) -> None:
        """Start writing what is there, once what is being written is committed."""
        self._settle()
        full, self._open = self._open, Checkpoint(self._open.state)
        self._deadline = None
        if full.batches or full.state is not None:
            self._writing = self._thread.submit(self._writer.write, full)
        self._opened_at = datetime.now(UTC)

    def _flush_one(self, name: str) -> None:
        """Start writing the rows of one stream alone; those of others go on waiting."""
        others = frozenset(self._open.batches.keys() - {name})
        if not others:
            self.flush()
            return
        self._settle()
        batch = self._open.batches.pop(name)
        self._open.size -= batch.size
        oldest = next(iter(self._open.batches.values()))
        part = Checkpoint(
            self._open.state,
            settled=self._open.settled,
            batches={name: batch},
            others=others,
            whole=oldest.before,
        )
        self._open.settled = None
        self._writing = self._thread.submit(self._writer.write, part)

    def finish(self, *, is_whole: bool) -> None:
        """Commit what is left; ``is_whole`` says that the input was read to its end.

        Raises what ended the load, if something did.
        """
        try:
            self.flush()
            self._settle()
            if is_whole:
                for name, progress in self._progress.items():
                    self._check_rejected(name, progress)
                self._thread.submit(self._writer.finish).result()
        finally:
            self.close()
        failures = [
            f"stream {name}: {one.failure}"
            for name, one in self._progress.items()
            if one.failure is not None
        ]
        if failures:
            raise StreamsFailedError("; ".join(failures))

    def close(self) -> None:
        """Leave the database, whatever state the load is in."""
        self._thread.shutdown()
        self._writer.close()
        self._database.close()

    def _batch(self, line: int, name: str) -> Batch | None:
        """Return the open batch of a stream, None if the stream has failed."""
        if name not in self._streams:
            raise NoSchemaError(line, name)
        stream = self._streams[name]
        if stream is None or self._progress[name].failure is not None:
            return None
        if name not in self._open.batches:
            self._open.batches[name] = Batch(stream, self._opened_at, self._open.state)
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
