"""The tap's streams: collections as they are, their events, and documents that cannot be rows.

A stream here knows its schema and how its records are made. When which is made is decided for all
streams together by :mod:`tap_mongodb.sync`.
"""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers._catalog import pop_deselected_record_properties
from singer_sdk.streams import Stream

from singer_kit.contract import REJECTED_KEY, ContractMode, Fault, Tally, rejected_schema
from singer_kit.errors import ContractExceededError
from singer_kit.writer import encoder, record_head
from tap_mongodb.changelog import ChangelogEncoder
from tap_mongodb.documents import DocumentEncoder, RejectedError
from tap_mongodb.identity import key_text_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from bson import Timestamp
    from singer_sdk.helpers.types import Context, Record

    from tap_mongodb.client import Change
    from tap_mongodb.settings import Settings
    from tap_mongodb.tap import TapMongoDB

EVENTS_SUFFIX = "__changes"

logger = logging.getLogger("tap-mongodb")

_TOO_LARGE = (
    "is above 16 MB and was taken without its documents; the row has what the collection has now"
)
_LSN = {"type": "integer"}
_DELETED_AT = {"type": ["string", "null"], "format": "date-time"}


class MongoStream(Stream):
    """What the kinds of stream share: writing lines."""

    TYPE_CONFORMANCE_LEVEL: Any = None

    def __init__(self, tap: TapMongoDB, name: str, schema: dict[str, Any], keys: list[str]) -> None:
        super().__init__(tap, schema=schema, name=name)
        self.forced_replication_method = "LOG_BASED"
        self.primary_keys = keys
        self.emitted = 0
        self._mongo_tap = tap
        self._writer = tap.member_writer
        self._head = record_head(name)
        self._whole = True
        self._is_ready = False

    def prepare(self) -> None:
        """Write the schema message, once, and get ready for records."""
        if not self._is_ready:
            self._is_ready = True
            self._write_schema_message()
            self._whole = all(self.mask.values())

    def emit(self, members: bytes, tail: bytes) -> None:
        """Write one record: the bytes of its members, and what closes record and message."""
        self.emitted += 1
        if self._whole:
            self._writer.write_members(self._head, members, tail)
            return
        # The rare run that leaves fields out takes the finished line apart again.
        message = json.loads(self._head + b"{" + members + tail)
        pop_deselected_record_properties(message["record"], self.schema, self.mask)
        self._writer.write_line(message)

    def get_records(self, context: Context | None) -> Iterable[Record]:  # noqa: ARG002 - the SDK's signature
        """Refuse: the SDK asks stream by stream, and here all follow one change stream."""
        raise RuntimeError(f"stream {self.name!r} is not read by itself: sync the whole tap")

    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[Record, None, None]:
        """Take part in the tap's one reading; this is how ``--test`` gets here."""
        del context, write_messages
        self._mongo_tap.sync_once(is_test=True)
        yield from ()

    def _write_state_message(self) -> None:
        """Leave state to the run, which writes it when it is true."""


class RejectedStream(MongoStream):
    """Quarantine: one row for each fault of a stream's documents; there once something is in it."""

    def __init__(self, tap: TapMongoDB, name: str) -> None:
        super().__init__(tap, name, rejected_schema({"_sdc_lsn": _LSN}), list(REJECTED_KEY))

    def reject(self, source_key: str, lsn: int, error: RejectedError) -> None:
        """Write a row for each fault of a document."""
        self.prepare()
        now = datetime.now(UTC).isoformat()
        for fault in error.faults:
            record = {
                "_sdc_rejected_at": now,
                "source_key": source_key,
                "error_path": fault.path,
                "error_code": fault.code,
                "error_message": fault.message,
                "payload": error.payload,
                "_sdc_lsn": lsn,
            }
            self.emit(encoder.encode(record)[1:-1], _end(now))


class EventStream(MongoStream):
    """Events as they came, in MeltanoLabs' shape: all of `changelog`, or beside the rows."""

    def __init__(
        self,
        tap: TapMongoDB,
        settings: Settings,
        name: str,
        collection: str,
        declared: Mapping[str, Any] | None = None,
    ) -> None:
        self.collection = collection
        if declared is None:
            # Discovery, or events beside rows: which fields there are, no catalog says.
            settings = replace(settings, document_layout="object")
        self._database = settings.database
        self._encoder = ChangelogEncoder(settings, name, declared)
        self._has_lsn = not settings.is_changelog
        self._kinds = frozenset(settings.operation_types)
        schema = self._encoder.schema
        if self._has_lsn:
            schema = {**schema, "properties": {**schema["properties"], "_sdc_lsn": _LSN}}
        super().__init__(tap, name, schema, self._encoder.key_properties)

    def append_document(self, document: bytes) -> None:
        """Write a document that was read."""
        members = self._encoder.encode_document(document, self._database, self.collection)
        self.emit(members, _end(datetime.now(UTC).isoformat()))

    def append(self, change: Change, lsn: int) -> None:
        """Write the event, if it is of a kind that is asked for."""
        if change.kind not in self._kinds:
            return
        own = b',"_sdc_lsn":%d' % lsn if self._has_lsn else b""
        self.emit(self._encoder.encode(change.raw) + own, _end(_moment(change.time)))


class CollectionStream(MongoStream):
    """A collection's documents as rows, keyed by ``_id``."""

    def __init__(
        self,
        tap: TapMongoDB,
        settings: Settings,
        collection: str,
        *,
        known: Mapping[str, str] | None = None,
        sample: Iterable[bytes] = (),
    ) -> None:
        self.collection = collection
        self.encoder = DocumentEncoder(
            settings, collection, sample, None if known is None else dict(known)
        )
        self._settings = settings
        self._generation = self.encoder.generation
        name = settings.stream_name(collection)
        super().__init__(tap, name, self._full_schema(), ["_id"])
        self.tally = Tally(name, settings.max_rejected_ratio)
        self._ends: tuple[int, int, bytes] = (0, 0, b"")

    def upsert(self, document: bytes, lsn: int, version: int, rejected: RejectedStream) -> None:
        """Write a document as the row it is now.

        Raises:
            ContractExceededError: the settings say that this fault, or so many, end the run.
        """
        try:
            members = self.encoder.encode(document)
        except RejectedError as error:
            found = self._without_contract(document, error, lsn, rejected)
            if found is None:
                return
            members = found
        else:
            self.tally.accepted += 1
        if self.encoder.generation != self._generation:
            self._grow()
        if self._ends[:2] != (lsn, version):
            tail = b',"_sdc_lsn":%d,"_sdc_deleted_at":null' % lsn
            self._ends = (lsn, version, tail + _end(datetime.now(UTC).isoformat(), version))
        self.emit(members, self._ends[2])

    def touch(self, key: bytes, lsn: int, version: int) -> None:
        """Write a row of which only the key is known."""
        tail = b',"_sdc_lsn":%d' % lsn + _end(datetime.now(UTC).isoformat(), version)
        self.emit(self.encoder.encode_key(key), tail)

    def delete(self, change: Change, last: bytes | None, lsn: int, version: int) -> None:
        """Write that a row is gone, with the columns that the settings ask for."""
        members = None
        payload = change.before if self._settings.delete_payload == "pre_image" else last
        if payload is not None and self._settings.delete_payload != "key_only":
            members = self._quietly(payload)
        if members is None:
            members = self.encoder.encode_key(change.key)
            nulls = self.encoder.encode_nulls()
            if nulls and self._settings.delete_payload == "key_only":
                members += b"," + nulls
        moment = _moment(change.time)
        tail = b',"_sdc_lsn":%d,"_sdc_deleted_at":"%s"' % (lsn, moment.encode())
        self.emit(members, tail + _end(moment, version))

    def activate(self, version: int, reason: str) -> None:
        """Write that rows of older versions are gone."""
        self._writer.write_line(
            {
                "type": "ACTIVATE_VERSION",
                "stream": self.name,
                "version": version,
                "reason": reason,
            }
        )

    def where(self, document: bytes) -> str:
        """Return what quarantine and the log call a document, or one with its key alone."""
        return f"{self._settings.database}.{self.collection}/{_key(document)}"

    def _quietly(self, document: bytes) -> bytes | None:
        """Return a deleted document's members; None where it could never have been a row."""
        try:
            return self.encoder.encode(document)
        except RejectedError:
            return None

    def _without_contract(
        self, document: bytes, error: RejectedError, lsn: int, rejected: RejectedStream
    ) -> bytes | None:
        """Put a document into quarantine, or return its members all the same."""
        mode = self._settings.contract_mode
        where = self.where(document)
        first = error.faults[0]
        if mode is ContractMode.FAIL:
            raise ContractExceededError(
                f"document {where}: {first.path}: {first.message} ({first.code}); repair it, or "
                "set contract_mode to quarantine"
            )
        if mode is ContractMode.WARN and error.record is not None:
            self.logger.warning("document %s: %s: %s", where, first.path, first.message)
            return error.record
        rejected.reject(where, lsn, error)
        self.tally.rejected += 1
        self.tally.check()
        return None

    def _full_schema(self) -> dict[str, Any]:
        schema = self.encoder.schema
        own = {"_sdc_lsn": _LSN, "_sdc_deleted_at": _DELETED_AT}
        return {**schema, "properties": {**schema["properties"], **own}}

    def _grow(self) -> None:
        """Tell of fields that were not there before."""
        self._generation = self.encoder.generation
        self._schema = self._full_schema()
        # Not by the SDK: its mapper goes on telling the schema that it was given at the start.
        self._writer.write_line(
            {
                "type": "SCHEMA",
                "stream": self.name,
                "schema": self._schema,
                "key_properties": list(self.primary_keys),
            }
        )


class StreamSink:
    """The output of one collection; see :class:`~tap_mongodb.client.Sink`."""

    def __init__(
        self,
        rows: CollectionStream | None,
        events: EventStream | None,
        rejected: RejectedStream | None,
    ) -> None:
        self._rows = rows
        self._events = events
        self._rejected = rejected

    def upsert(self, document: bytes, lsn: int, version: int) -> None:
        """Write the document as the row it is now."""
        if self._rows and self._rejected:
            self._rows.upsert(document, lsn, version, self._rejected)

    def touch(self, key: bytes, lsn: int, version: int) -> None:
        """Write a row of which only the key is known."""
        if self._rows:
            self._rows.touch(key, lsn, version)

    def delete(self, change: Change, last: bytes | None, lsn: int, version: int) -> None:
        """Write that the row is gone."""
        if self._rows:
            self._rows.delete(change, last, lsn, version)

    def reject(self, change: Change, lsn: int) -> None:
        """Write into quarantine that an event came bare; `changelog` has none, and a log line."""
        where = self._rows.where(change.key) if self._rows else change.collection
        logger.warning("event %s of %s: %s", change.kind, where, _TOO_LARGE)
        if self._rejected:
            fault = Fault("$", "event_too_large", _TOO_LARGE)
            payload = {"operationType": change.kind, "documentKey": _key(change.key)}
            self._rejected.reject(where, lsn, RejectedError([fault], payload))

    def append(self, change: Change, lsn: int) -> None:
        """Write the event."""
        if self._events:
            self._events.append(change, lsn)

    def activate(self, version: int, reason: str) -> None:
        """Write that rows of older versions are gone."""
        if self._rows:
            self._rows.activate(version, reason)

    def memory(self) -> Mapping[str, str] | None:
        """Return the fields that an inferred schema has come to know."""
        return self._rows.encoder.known if self._rows else None


def _moment(time: Timestamp) -> str:
    return datetime.fromtimestamp(time.time, UTC).isoformat()


def _end(extracted: str, version: int | None = None) -> bytes:
    """Return what closes a record and its message."""
    said = b"" if version is None else b',"version":%d' % version
    return b'},"time_extracted":"%s"%s}\n' % (extracted.encode(), said)


def _key(document: bytes) -> str:
    try:
        return key_text_of(document)
    except ValueError:
        return "?"
