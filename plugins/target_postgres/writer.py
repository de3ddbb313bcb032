"""Checkpoints on their way into the database, one transaction for each stream's batch."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
from psycopg import errors

from singer_kit import places
from singer_kit.settings import OnInvalidRecord
from target_postgres import deletes, metadata, metrics, rejects, shapes, tables
from target_postgres.batches import Batch, Stream
from target_postgres.bookmarks import Bookmarks
from target_postgres.codec import RowCodec
from target_postgres.copytext import NullCharacter
from target_postgres.database import Session, describe, is_about_data
from target_postgres.deletes import Activator, DeleteMode
from target_postgres.errors import (
    EmptyVersionError,
    InvalidRecordError,
    MissingKeyError,
    TableRefusedError,
)
from target_postgres.loads import Loads
from target_postgres.merge import Counts, Merge
from target_postgres.odd_lines import Fault
from target_postgres.upkeep import Upkeep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from target_postgres.batches import Checkpoint, Progress
    from target_postgres.bookmarks import State
    from target_postgres.codec import Chunk
    from target_postgres.database import Database
    from target_postgres.deletes import Activation
    from target_postgres.settings import Settings

    Write = Callable[[psycopg.Connection, Sequence[Chunk]], Counts]

_COPY_LINE = re.compile(r"^COPY \S+, line (\d+)", re.MULTILINE)
_COPY_COLUMN = re.compile(r"^COPY \S+, line \d+, column ([^:]+):", re.MULTILINE)

logger = logging.getLogger("target-postgres")


@dataclass(frozen=True, slots=True)
class _Written:
    """What the transaction of one batch did."""

    counts: Counts
    refused: list[Fault]
    """Rows that only PostgreSQL found fault with."""
    rows_in: int
    """Records that the database has counted for this stream and run."""


class Writer:
    """Everything that talks to the database. Only one thread at a time may use it.

    ``emit`` is called with each new durable STATE, after the commit that made it so.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        progress: dict[str, Progress],
        emit: Callable[[State], None],
    ) -> None:
        self._session = Session(database)
        self._settings = settings
        self._progress = progress
        self._emit = emit
        self._bookmarks = Bookmarks()
        self._loads = Loads(settings.schema, settings.run_id)
        self._has_loads = False
        self._upkeep = Upkeep(database, self._session, settings)
        self._has_begun = False
        self._counted: dict[str, int] = {}

    def close(self) -> None:
        """Leave the database."""
        self._session.close()

    def prepare(self, name: str, schema: dict[str, Any], keys: tuple[str, ...]) -> Stream | None:
        """Make a stream's table ready; None if it cannot be, which fails the stream."""
        if not self._has_begun:
            self._upkeep.begin()
            self._has_begun = True

        def work(connection: psycopg.Connection) -> Stream:
            if not self._has_loads:
                self._loads.prepare(connection)
            # Not 0 when an earlier process of the same run has been here.
            self._counted[name] = self._loads.rows_in(connection, name)
            if self._settings.delete_mode is DeleteMode.HARD:
                deletes.prepare(connection, self._settings.placement.of(name).schema)
            null_character = self._settings.null_character
            stream = self._prepare(connection, name, schema, keys, null_character=null_character)
            self._upkeep.prepare(connection, name, stream.table)
            return stream

        try:
            if other := self._settings.placement.claim(name):
                # Neither of them is right, whichever came first.
                error = self._settings.placement.clash(name, other)
                self._fail(other, error)
                raise error
            stream = self._session.transaction(work)
        except (psycopg.Error, TableRefusedError) as error:
            self._fail(name, error)
            return None
        self._has_loads = True
        progress = self._progress[name]
        if progress.rows_in == 0:
            progress.appends = stream.table.is_empty
        return stream

    def _prepare(
        self,
        connection: psycopg.Connection,
        name: str,
        schema: dict[str, Any],
        keys: tuple[str, ...],
        *,
        null_character: NullCharacter,
    ) -> Stream:
        """Make the table of a stream, or of a stream's rejected records, ready."""
        with_metadata = self._settings.add_record_metadata
        placement = self._settings.placement
        place = placement.of(name)
        columns = metadata.record_columns(
            shapes.properties(schema), keys, placement.case, with_metadata=with_metadata
        )
        column_of = {one.property_name: one.name for one in columns}
        own = metadata.loader_columns() if with_metadata else []
        table = tables.prepare(
            connection,
            place.schema,
            place.table,
            [*columns, *own],
            [column_of[key] for key in keys],
            on_type_change=self._settings.on_type_change,
        )
        codec = RowCodec(
            name,
            table.columns[: len(columns)],
            with_metadata=with_metadata,
            null_character=null_character,
        )
        merge = Merge(table, codec.names, self._settings.delete_mode)
        return Stream(name, schema, keys, table, codec, merge)

    def write(self, checkpoint: Checkpoint) -> None:
        """Commit all batches, each on its own; a stream that fails does not stop the others.

        Streams without a bookmark of their own go first: the bookmarks of the others speak for
        them too.
        """
        state = checkpoint.state
        marks = (state or {}).get("bookmarks")
        named = marks if isinstance(marks, dict) else {}
        failed = {name for name, one in self._progress.items() if one.failure is not None}
        self._durable(self._bookmarks.reached(checkpoint.settled, frozenset(), failed))
        waiting = (checkpoint.batches.keys() | checkpoint.others) - failed
        for batch in sorted(checkpoint.batches.values(), key=lambda one: one.stream.name in named):
            name = batch.stream.name
            if name in failed:
                continue
            waiting.discard(name)
            whole = checkpoint.whole if waiting <= checkpoint.others else None
            reached = self._bookmarks.reached(state, waiting, failed, whole)
            try:
                if batch.activate is None:
                    self._commit(batch, reached)
                else:
                    self._commit(batch, {})
                    self._activate(batch.stream, batch.activate, reached)
            except (psycopg.Error, TableRefusedError, EmptyVersionError) as error:
                self._fail(name, error)
                failed.add(name)
                continue
            self._durable(reached)
        if not checkpoint.others:
            self._durable(self._bookmarks.reached(state, waiting, failed))

    def finish(self) -> None:
        """Say in ``_sdc_loads`` that the streams which did not fail have had all their rows."""
        done = [(name, one) for name, one in self._progress.items() if one.failure is None]
        if not done:
            return
        is_whole = len(done) == len(self._progress)

        def work(connection: psycopg.Connection) -> None:
            self._loads.finish(connection, done, datetime.now(UTC), self._bookmarks.durable)
            if self._settings.delete_mode is DeleteMode.HARD:
                for schema in {self._settings.placement.of(name).schema for name, _ in done}:
                    deletes.prune(connection, schema, self._settings.tombstone_retention_days)

        self._session.transaction(work)
        self._upkeep.finish({name: one.changed for name, one in done}, is_whole=is_whole)

    def _durable(self, state: State) -> None:
        if self._bookmarks.move(state):
            self._emit(state)

    def _fail(self, name: str, error: Exception) -> None:
        reason = describe(error) if isinstance(error, psycopg.Error) else str(error)
        self._progress[name].failure = reason
        logger.error("stream %s: %s; the other streams go on", name, reason)

    def _commit(self, batch: Batch, state: State) -> None:
        name = batch.stream.name
        progress = self._progress[name]
        started = time.monotonic()
        counted = self._counted[name]

        def work(connection: psycopg.Connection) -> _Written:
            tables.lock(connection, batch.stream.table.title)
            counts, refused = self._store(connection, batch, progress)
            faults = [*batch.faults, *refused]
            if faults and self._settings.on_invalid_record is OnInvalidRecord.QUARANTINE:
                self._quarantine(connection, batch.stream, faults)
            counts += Counts(rejected=len({fault.line for fault in faults}))
            rows_in = self._loads.record(connection, batch, counts, progress, state)
            return _Written(counts, refused, rows_in)

        def already_done(connection: psycopg.Connection) -> _Written | None:
            found = self._loads.rows_in(connection, name)
            return _Written(Counts(), [], found) if found > counted else None

        written = self._session.transaction(work, already_done)
        self._counted[name] = written.rows_in
        progress.rejected += len(written.refused)
        progress.changed += written.counts.changed
        metrics.batch(batch, written.counts, time.monotonic() - started)

    def _activate(self, stream: Stream, activation: Activation, state: State) -> None:
        """Delete rows of older versions, in several transactions; the last holds ``state``.

        Readers and other loaders get between, and a table of any size is gone through without
        one long transaction. When it is cut short, the message comes again, for no STATE has
        passed it.
        """
        name, table = stream.name, stream.table
        activator = Activator(table, activation, self._settings.delete_mode)
        blocks = self._session.transaction(activator.blocks)
        last = max(blocks - 1, 0) // deletes.BLOCKS_AT_ONCE * deletes.BLOCKS_AT_ONCE
        for first in range(0, last + 1, deletes.BLOCKS_AT_ONCE):

            def work(connection: psycopg.Connection, first: int = first) -> int:
                tables.lock(connection, table.title)
                counts = Counts(deleted=activator.delete(connection, first))
                nothing = Batch(stream, self._progress[name].started_at)
                reached = state if first == last else {}
                self._loads.record(connection, nothing, counts, self._progress[name], reached)
                return counts.deleted

            gone = self._session.transaction(work)
            self._progress[name].changed += gone
            logger.info("stream %s: %s rows before version %s", name, gone, activation.version)

    def _store(
        self, connection: psycopg.Connection, batch: Batch, progress: Progress
    ) -> tuple[Counts, list[Fault]]:
        """Write a batch's rows; returns what changed and the rows that PostgreSQL refused."""
        stream, chunks = batch.stream, batch.chunks
        if not chunks:
            return Counts(), []
        if not stream.keys:
            return self._isolate(connection, stream, chunks, stream.merge.append)
        if progress.appends and not batch.deletes and stream.merge.may_append(connection):
            try:
                with connection.transaction():
                    return stream.merge.append(connection, chunks), []
            except psycopg.Error as error:
                if not is_about_data(error):
                    raise
                # A key came twice, or another loader brought it.
                progress.appends = not isinstance(error, errors.UniqueViolation)
        return self._isolate(connection, stream, chunks, stream.merge.upsert)

    def _isolate(
        self,
        connection: psycopg.Connection,
        stream: Stream,
        chunks: Sequence[Chunk],
        write: Write,
    ) -> tuple[Counts, list[Fault]]:
        """Write rows; where PostgreSQL refuses some, find them and write the others."""
        counts = Counts()
        refused: list[Fault] = []
        left = [list(chunks)]
        while left:
            part = left.pop()
            try:
                with connection.transaction():
                    counts += write(connection, part)
            except psycopg.Error as error:
                if not is_about_data(error):
                    raise
                rows = sum(len(chunk.lines) for chunk in part)
                if rows == 1:
                    refused.append(_fault(stream, part[0], error))
                    continue
                left += reversed(_split(part, rows, error))
        if refused and self._settings.on_invalid_record is OnInvalidRecord.FAIL:
            raise invalid_record(stream.name, refused[0])
        return counts, refused

    def _quarantine(
        self, connection: psycopg.Connection, stream: Stream, faults: Sequence[Fault]
    ) -> None:
        name = stream.name + rejects.SUFFIX
        schema = rejects.schema(stream.schema)
        # What is wrong with a record must not keep it out of quarantine too.
        into = self._prepare(
            connection, name, schema, rejects.KEYS, null_character=NullCharacter.REPLACE
        )
        now = datetime.now(UTC)
        stamp = metadata.stamp(now, now)
        run_id = self._settings.run_id
        lines = rejects.messages(faults, stream.name, stream.keys, run_id, lineage=True)
        encoded = into.codec.encode(lines, range(len(lines)), stamp)
        if encoded.faults:
            lines = rejects.messages(faults, stream.name, stream.keys, run_id, lineage=False)
            encoded = into.codec.encode(lines, range(len(lines)), stamp)
        into.merge.upsert(connection, [encoded.chunk])


def invalid_record(stream: str, fault: Fault) -> InvalidRecordError:
    """Return the error that ends a load at its first invalid record."""
    kind = MissingKeyError if fault.code == "required" else InvalidRecordError
    where = f"stream {stream}, line {places.title(fault.line)} of the messages, {fault.path}"
    return kind(
        fault.line,
        f"{where}: {fault.message} ({fault.code}); "
        "repair the record, or set on_invalid_record to quarantine",
    )


def _split(part: Sequence[Chunk], rows: int, error: psycopg.Error) -> list[list[Chunk]]:
    """Cut rows around the one that COPY names, else in halves."""
    found = _COPY_LINE.search(error.diag.context or "")
    is_one_copy = len({chunk.mixed for chunk in part}) == 1
    if found and is_one_copy and 0 < int(found[1]) <= rows:
        bad = int(found[1]) - 1
        cuts = [(0, bad), (bad, bad + 1), (bad + 1, rows)]
    else:
        cuts = [(0, rows // 2), (rows // 2, rows)]
    return [_part(part, start, stop) for start, stop in cuts if start < stop]


def _part(chunks: Iterable[Chunk], start: int, stop: int) -> list[Chunk]:
    """Return rows ``start`` to ``stop`` of all chunks together."""
    found = []
    before = 0
    for chunk in chunks:
        here = len(chunk.lines)
        low, high = max(start - before, 0), min(stop - before, here)
        if low < high:
            found.append(chunk if (low, high) == (0, here) else chunk.part(low, high))
        before += here
    return found


def _fault(stream: Stream, chunk: Chunk, error: psycopg.Error) -> Fault:
    column = _COPY_COLUMN.search(error.diag.context or "")
    column_name = error.diag.column_name or (column[1] if column else None)
    names = {one.name: one.property_name for one in stream.codec.columns}
    name = names.get(column_name or "", column_name)
    payload = msgspec.json.encode(stream.codec.record_of(chunk.rows()[0]))
    message = error.diag.message_primary or "refused by PostgreSQL"
    # PostgreSQL may quote the value; what is logged and stored apart from the payload must not.
    message = re.sub(r': ".*', "", message, flags=re.DOTALL)
    path = f"$.{name}" if name else "$"
    return Fault(chunk.lines[0], path, error.sqlstate or "", message, payload)
