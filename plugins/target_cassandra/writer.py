"""Checkpoints on their way into Cassandra: everything acknowledged, then the STATE."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from singer_sdk import metrics as sdk_metrics

from singer_kit import metrics, places
from singer_kit.settings import OnInvalidRecord
from target_cassandra import rejects, tables
from target_cassandra.batches import Batch, Stream, Table
from target_cassandra.codec import Clock, RecordCodec, payload_of
from target_cassandra.errors import (
    InvalidRecordError,
    MissingKeyError,
    TableConfigError,
    WriteError,
)
from target_cassandra.fixed import FixedRows
from target_cassandra.layout import REJECTED, REJECTED_KEY, TableSpec, layout, rejected
from target_cassandra.locks import Locks
from target_cassandra.positions import Positions
from target_cassandra.rejects import Fault
from target_cassandra.requests import Requests
from target_cassandra.ring import Ring
from target_cassandra.settings import DeleteMode
from target_cassandra.statements import TableStatements
from target_cassandra.versions import Versions, keeps_version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_cassandra.batches import Checkpoint, Progress
    from target_cassandra.cluster import Connection
    from target_cassandra.codec import Record
    from target_cassandra.layout import Layout

    State = dict[str, Any]

logger = logging.getLogger("target-cassandra")


class Writer:
    """Everything that talks to Cassandra. Only one thread at a time may use it.

    ``emit`` is called with each STATE, after the last acknowledgement that it speaks of.
    """

    def __init__(
        self,
        connection: Connection,
        local_dc: str | None,
        progress: dict[str, Progress],
        emit: Callable[[State], None],
    ) -> None:
        self._connection = connection
        self._settings = connection.settings
        self._local_dc = local_dc
        self._progress = progress
        self._emit = emit
        self._requests = Requests(connection)
        self._locks = Locks(connection)
        self._clock = Clock()
        self._quarantines: dict[str, Stream] = {}
        self._printed: State | None = None

    def close(self) -> None:
        """Give back what is held; the connection is closed by who opened it."""
        self._locks.release()

    def prepare(self, name: str, schema: dict[str, Any], keys: tuple[str, ...]) -> Stream | None:
        """Make a stream's tables ready; None if it feeds none.

        Raises:
            TableConfigError: the settings do not fit the stream.
            TableRefusedError: a table is not as the settings say.
            LockedError: another loader writes a table whose keys can change.
        """
        specs = self._specs(name, keys)
        if not specs:
            return None
        return self._prepare(name, schema, keys, specs)

    def _specs(self, name: str, keys: tuple[str, ...]) -> list[TableSpec]:
        if self._settings.tables is None:
            if name.endswith(REJECTED) and keys == REJECTED_KEY:
                return [rejected(name.removesuffix(REJECTED))]
            if not keys:
                raise TableConfigError(
                    f"stream {name!r} has no key, so its rows could not be told apart; give it a "
                    "table with a key in the setting 'tables'"
                )
            return [TableSpec(stream=name, table=name, partition_key=keys)]
        found = [spec for spec in self._settings.tables if spec.stream == name]
        if not found and name.endswith(REJECTED):
            source = name.removesuffix(REJECTED)
            if any(spec.stream == source for spec in self._settings.tables):
                return [rejected(source)]
        return found

    def _prepare(
        self, name: str, schema: dict[str, Any], keys: tuple[str, ...], specs: Sequence[TableSpec]
    ) -> Stream:
        layouts = [layout(spec, schema, keys) for spec in specs]
        for one in layouts:
            self._check_marks(one)
        types = [tables.prepare(self._connection, one) for one in layouts]
        codec = RecordCodec(
            name,
            schema,
            keys,
            layouts,
            types,
            user_types=tables.user_types(self._connection),
            nulls=self._settings.null_handling,
            delete_mode=self._settings.delete_mode,
            clock=self._clock,
        )
        found = []
        for number, plan in enumerate(codec.plans):
            statements = TableStatements(self._connection, plan.layout)
            positions = versions = None
            if plan.layout.moves:
                self._locks.take(plan.layout.spec.table)
                positions = Positions(self._connection, plan, number, statements)
            if keeps_version(plan):
                versions = Versions(self._connection, plan, statements)
            found.append(Table(plan, statements, positions, versions))
        return Stream(name, schema, codec, found)

    def _check_marks(self, one: Layout) -> None:
        marks = any(column.source == "_sdc_deleted_at" for column in one.columns)
        is_stream = not one.spec.stream.endswith(REJECTED)
        if self._settings.delete_mode is DeleteMode.SOFT and is_stream and not marks:
            raise TableConfigError(
                f"setting 'tables': with delete_mode soft, table {one.spec.table!r} needs "
                "'_sdc_deleted_at' among its columns"
            )

    def write(self, checkpoint: Checkpoint) -> None:
        """Write all batches; print the STATE when everything is acknowledged.

        Raises:
            WriteError: a request was not acknowledged, however often it was sent.
            LockedError: a lock was lost.
            InvalidRecordError: the server refuses a record, and the settings say that this ends
                the load.
        """
        if checkpoint.batches:
            ring = Ring(self._connection.metadata, self._settings.keyspace, self._local_dc)
            for batch in checkpoint.batches.values():
                self._write(batch, ring)
        if checkpoint.state is not None and checkpoint.state != self._printed:
            self._emit(checkpoint.state)
            self._printed = checkpoint.state

    def _write(self, batch: Batch, ring: Ring) -> None:
        started = time.monotonic()
        stream = batch.stream
        faults = list(batch.faults)
        for fixed in batch.fixed:
            self._requests.write(fixed.writes(), ring)
        for table in stream.tables:
            if table.positions is not None:
                faults += self._move(table.name, table.positions, batch, ring)
        faults += self._refused(batch)
        late = len({fault.line for fault in faults} - {fault.line for fault in batch.faults})
        self._progress[stream.name].rejected += late
        if faults and self._settings.on_invalid_record is OnInvalidRecord.QUARANTINE:
            self._quarantine(stream, faults, ring)
        elif late and self._settings.on_invalid_record is OnInvalidRecord.FAIL:
            raise invalid_record(stream.name, faults[-1])
        if batch.activate is not None:
            self._activate(stream, batch.activate, ring)
        for warning in sorted(self._requests.warnings):
            logger.warning("Cassandra warns: %s", warning)
        self._requests.warnings.clear()
        _measure(batch, faults, time.monotonic() - started)

    def _refused(self, batch: Batch) -> list[Fault]:
        """Wait for everything sent; returns what the server refused for its content."""
        return [
            _late(batch, one.write.line, "$", "refused", f"Cassandra refuses it: {one.message}")
            for one in self._requests.wait()
        ]

    def _move(
        self,
        table: str,
        positions: Positions,
        batch: Batch,
        ring: Ring,
    ) -> list[Fault]:
        """Write records whose rows may have to leave where they stand."""
        by_entity: dict[bytes, list[Record]] = {}
        for record in batch.records:
            by_entity.setdefault(record.entity, []).append(record)
        for own in by_entity.values():
            own.sort(key=lambda record: record.lsn)
        faults: list[Fault] = []
        self._locks.check(table)
        stored = positions.read(by_entity, self._requests, ring)
        faults += self._refused(batch)
        rows = positions.read_rows(by_entity, stored, self._requests)
        faults += self._refused(batch)
        changes, refused = positions.changes(by_entity, stored, rows)
        faults += [
            _late(batch, line, f"$.{unfit.path}", unfit.code, str(unfit)) for line, unfit in refused
        ]
        for step in (positions.announce, positions.apply, positions.settle):
            self._locks.check(table)
            self._requests.write(step(changes), ring)
            faults += self._refused(batch)
        return faults

    def _activate(self, stream: Stream, version: int, ring: Ring) -> None:
        for table in stream.tables:
            if table.versions is None:
                logger.warning(
                    "table %s has no column _sdc_table_version: rows of older versions stay",
                    table.name,
                )
                continue
            self._requests.write(table.versions.older_than(version, self._requests), ring)
            for one in self._requests.wait():
                raise WriteError(f"table {table.name!r}: {one.message}")

    def _quarantine(self, stream: Stream, faults: Sequence[Fault], ring: Ring) -> None:
        into = self._quarantines.get(stream.name)
        if into is None:
            spec = rejected(stream.name)
            into = self._prepare(spec.stream, rejects.SCHEMA, REJECTED_KEY, [spec])
            self._quarantines[stream.name] = into
        lines = rejects.messages(faults, stream.name, self._settings.run_id)
        decoded = into.codec.decode(lines, range(len(lines)))
        for fault in decoded.faults:
            raise invalid_record(into.name, fault)
        fixed = FixedRows(into.tables[0], 0)
        fixed.add(decoded.records)
        self._requests.write(fixed.writes(), ring)
        for one in self._requests.wait():
            raise WriteError(f"table {into.tables[0].name!r}: {one.message}")


def _late(batch: Batch, line: int, path: str, code: str, message: str) -> Fault:
    """Return what is wrong with a record that could be read, and cannot be stored."""
    return Fault(line, path, code, message, payload_of(batch.message(line), line))


def invalid_record(stream: str, fault: Fault) -> InvalidRecordError:
    """Return the error that ends a load at its first invalid record."""
    kind = MissingKeyError if fault.code == "required" else InvalidRecordError
    return kind(
        fault.line,
        f"stream {stream}, line {places.title(fault.line)} of the messages, {fault.path}: "
        f"{fault.message} ({fault.code}); repair the record, or set on_invalid_record to "
        "quarantine",
    )


def _measure(batch: Batch, faults: Sequence[Fault], seconds: float) -> None:
    stream = batch.stream.name
    metrics.count(sdk_metrics.Metric.RECORD_COUNT, batch.rows, stream=stream)
    metrics.seconds(sdk_metrics.Metric.BATCH_PROCESSING_TIME, round(seconds, 6), stream=stream)
    if batch.deleted:
        metrics.count(metrics.Measure.RECORDS_DELETED, batch.deleted, stream=stream)
    if faults:
        rejected_count = len({fault.line for fault in faults})
        metrics.count(metrics.Measure.RECORDS_REJECTED, rejected_count, stream=stream)
    if batch.newest is not None:
        lag = time.time() - batch.newest / 1_000_000
        metrics.gauge(metrics.Measure.LAG_SECONDS, round(lag, 3), stream=stream)
