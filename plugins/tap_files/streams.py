"""The tap's streams: documents, their faults, and the files themselves.

A stream here knows its schema and how one of its records is made. It does not read: files are
read once for all streams that share them, by :mod:`tap_files.sync`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.helpers._catalog import pop_deselected_record_properties
from singer_sdk.streams import Stream

from singer_kit.contract import REJECTED_KEY, Contract, ContractMode, Fault, rejected_schema
from singer_kit.errors import ConfigError
from singer_kit.writer import encode_record, encoder, record_head
from tap_files.formats.json_value import decode
from tap_files.settings import FILES_STREAM

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from singer_sdk.helpers.types import Context, Record

    from tap_files.settings import Settings, StreamSettings
    from tap_files.tap import TapFiles

_TEXT = {"type": "string"}
_INTEGER = {"type": "integer"}
_MOMENT = {"type": "string", "format": "date-time"}
_OPTIONAL_MOMENT = {"type": ["string", "null"], "format": "date-time"}
_OPTIONAL_OBJECT = {"type": ["object", "null"]}

LINEAGE: dict[str, Any] = {
    "_sdc_source_bucket": _TEXT,
    "_sdc_source_file": _TEXT,
    "_sdc_source_lineno": _INTEGER,
    "_sdc_source_etag": _TEXT,
    "_sdc_source_last_modified": _MOMENT,
    "_sdc_lsn": _INTEGER,
}

FILES_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "bucket": _TEXT,
        "key": _TEXT,
        "etag": {"type": ["string", "null"]},
        "seen_etag": _TEXT,
        "size": _INTEGER,
        "last_modified": _MOMENT,
        "seen_at": _MOMENT,
        "deleted_at": _OPTIONAL_MOMENT,
        "rows": _INTEGER,
        "rejected": _INTEGER,
        "_sdc_lsn": _INTEGER,
        "_sdc_deleted_at": _OPTIONAL_MOMENT,
    },
    "required": ["bucket", "key"],
}


class FileStream(Stream):
    """What the three kinds of stream share: writing a record's line."""

    def __init__(self, tap: TapFiles, name: str, schema: dict[str, Any], keys: list[str]) -> None:
        super().__init__(tap, schema=schema, name=name)
        # Known files make a run incremental; there is no single field to compare.
        self.forced_replication_method = "INCREMENTAL"
        self.primary_keys = keys
        self.emitted = 0
        self._files_tap = tap
        self._head = record_head(name)
        self._writer = tap.line_writer
        self._whole = True

    def prepare(self) -> None:
        """Write the schema message and get ready for records."""
        self._write_schema_message()
        self._whole = all(self.mask.values())

    def emit(self, record: dict[str, Any], tail: bytes) -> None:
        """Write one record.

        Args:
            record: fields of this record alone, as JSON values.
            tail: further fields as JSON, each behind a comma, and what closes the message.
        """
        self.emitted += 1
        if self._whole:
            self._writer.write_record(self._head, record, tail)
            return
        # The rare run that leaves fields out takes the finished line apart again.
        message = decode(encode_record(self._head, record, tail))
        pop_deselected_record_properties(message["record"], self.schema, self.mask)
        self._writer.write_line(message)

    def get_records(self, context: Context | None) -> Iterable[Record]:  # noqa: ARG002 - the SDK's signature
        """Refuse: the SDK asks stream by stream, a file is read for all of its streams at once."""
        raise RuntimeError(f"stream {self.name!r} is not read by itself: sync the whole tap")

    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[Record, None, None]:
        """Take part in the tap's one reading; this is how ``--test`` gets here."""
        del context, write_messages
        self._files_tap.sync_once(self.ABORT_AT_RECORD_COUNT)
        yield from ()

    def _write_state_message(self) -> None:
        """State is written where the reading knows what it covers."""


class RecordStream(FileStream):
    """Records of documents, or of the elements of an array in them."""

    def __init__(self, tap: TapFiles, settings: Settings, stream: StreamSettings) -> None:
        self.settings = stream
        self.keys = stream.key_properties
        model = settings.contract_models.get(stream.name)
        self.contract = (
            Contract.load(model) if model and settings.contract_mode != ContractMode.OFF else None
        )
        # An exploded stream's model gives its schema; its parent's has checked the document.
        self.checks = None if stream.explode else self.contract
        declared = self._declared()
        self._is_raw = declared is None
        schema = declared or _raw_schema(self.keys)
        self._known = schema["properties"].keys() - LINEAGE.keys()
        own = list(self.keys) or ["_sdc_source_lineno"]
        super().__init__(
            tap,
            stream.name,
            {
                **schema,
                "properties": {**schema["properties"], **LINEAGE, "_sdc_extra": _OPTIONAL_OBJECT},
                "required": sorted({*schema.get("required", ()), "_sdc_source_file", *own}),
            },
            ["_sdc_source_file", *own],
        )
        if absent := sorted(set(self.keys) - self._known):
            raise ConfigError(
                f"stream {stream.name!r}: key_properties {', '.join(absent)} not in its schema; "
                f"fields are {', '.join(sorted(self._known))}"
            )

    def _declared(self) -> dict[str, Any] | None:
        """Return the schema of the contract or of a file, or None for none."""
        if self.contract:
            return self.contract.schema()
        path = self.settings.schema
        if path is None:
            return None
        try:
            schema = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"stream {self.settings.name!r}: schema {path!r} cannot be read: {error}"
            ) from None
        if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
            raise ConfigError(
                f"stream {self.settings.name!r}: schema {path!r} has no properties; "
                "give a JSON Schema of an object"
            )
        return schema

    def shape(
        self, document: dict[str, Any], text: bytes | None = None
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """Return the record of a document that passed no contract, and fields it does not know.

        ``text`` is the document's JSON on one line, where there is one: it need not be made again.
        """
        if self._is_raw:
            record = {name: _as_text(document.get(name)) for name in self.keys}
            return {**record, "document": msgspec.Raw(text) if text else document}, None
        known = self._known
        if document.keys() <= known:
            return document, None
        return (
            {name: value for name, value in document.items() if name in known},
            {name: value for name, value in document.items() if name not in known},
        )

    def elements(self, document: dict[str, Any]) -> Iterable[dict[str, Any]]:
        """Yield an exploded stream's documents: an element with the parent's key fields."""
        parent = {name: document[name] for name in self.keys if name in document}
        elements = document.get(self.settings.explode or "")
        for element in elements if isinstance(elements, list | tuple) else ():
            yield {**parent, **element} if isinstance(element, dict) else parent

    def absent_keys(self, record: dict[str, Any], where: str = "$") -> list[Fault]:
        """Return a fault for each key field without a value."""
        absent = [name for name in self.keys if record.get(name) is None]
        return [
            Fault(f"{where}.{name}", "key_missing", "found nothing; the stream's key needs a value")
            for name in absent
        ]


class RejectedStream(FileStream):
    """Quarantine: one row for each fault of a stream's documents."""

    def __init__(self, tap: TapFiles, name: str) -> None:
        super().__init__(tap, name, rejected_schema(LINEAGE), list(REJECTED_KEY))


class FilesStream(FileStream):
    """The files themselves: which version of each is current, and which are gone."""

    def __init__(self, tap: TapFiles) -> None:
        super().__init__(tap, FILES_STREAM, FILES_SCHEMA, ["bucket", "key"])


def _raw_schema(keys: Iterable[str]) -> dict[str, Any]:
    """Return the schema of documents as they are: key fields as text beside the whole."""
    return {
        "type": "object",
        "properties": {**dict.fromkeys(keys, _TEXT), "document": {"type": "object"}},
        "required": [*keys, "document"],
    }


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else encoder.encode(value).decode()
