"""The tap's streams: documents, their faults, and the files themselves.

A stream here knows its schema and how one of its records is made. It does not read: files are
read once for all streams that share them, by :mod:`tap_files.sync`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.helpers._catalog import get_selected_schema, pop_deselected_record_properties
from singer_sdk.streams import Stream

from singer_kit.contract import REJECTED_KEY, Contract, ContractMode, Fault, rejected_schema
from singer_kit.errors import ConfigError
from singer_kit.writer import encode_record, encoder, record_head
from tap_files.formats.json_value import decode
from tap_files.inferring import Inferred, sample
from tap_files.schemas import FILES_SCHEMA, LINEAGE, declared, framed, key_fields
from tap_files.settings import FILES_STREAM
from tap_files.typing_text import Typing, read_dates

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.singerlib import Catalog

    from tap_files.settings import Settings
    from tap_files.stream_settings import StreamSettings
    from tap_files.tap import TapFiles


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
        self._is_prepared = False

    def prepare(self) -> None:
        """Write the schema message and get ready for records."""
        self._write_schema_message()
        self._whole = all(self.mask.values())
        self._is_prepared = True

    def remembered(self) -> dict[str, Any]:
        """Return what the stream's bookmark has beside the files."""
        return {}

    def emit(self, record: dict[str, Any] | msgspec.Raw, tail: bytes) -> None:
        """Write one record.

        Args:
            record: fields of this record alone, as JSON values; or an object's text on one line,
                with at least one field.
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
        self.strategy = settings.strategy(stream)
        self._start = settings.start_date
        self._inferred = Inferred(stream.date_fields) if self.strategy == "infer" else None
        self._is_declared = bool(self.contract or stream.schema)
        schema = self._base()
        own = list(self.keys) or ["_sdc_source_lineno"]
        self._with_deletes = settings.detects_deletes
        super().__init__(tap, stream.name, self._framed(schema, own), ["_sdc_source_file", *own])
        self._know(schema)

    def _base(self) -> dict[str, Any]:
        """Return the schema that the settings give: declared, or that of the key fields."""
        if self.contract:
            return self.contract.schema()
        if self.settings.schema is not None:
            return declared(self.settings.name, self.settings.schema)
        return key_fields(self.keys, with_document=self.strategy == "raw")

    def _framed(self, schema: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
        return framed(schema, keys, with_deletes=self._with_deletes)

    def _know(self, schema: dict[str, Any]) -> None:
        """Take a schema for that of the records.

        Raises:
            ConfigError: it lacks a field of the key.
        """
        self._known = schema["properties"].keys() - LINEAGE.keys() - {"_sdc_extra"}
        self._typing = Typing(schema) if self.strategy == "declared" else None
        if absent := sorted(set(self.keys) - self._known):
            raise ConfigError(
                f"stream {self.settings.name!r}: key_properties {', '.join(absent)} not in its "
                f"schema; fields are {', '.join(sorted(self._known))}"
            )

    def apply_catalog(self, catalog: Catalog) -> None:
        """Follow a catalog: its fields are the declared ones where no contract declares them."""
        super().apply_catalog(catalog)
        entry = catalog.get_stream(self.name)
        if entry is None or self.contract:
            return
        schema = entry.schema.to_dict()
        given = schema.get("properties", {})
        own = {name: given[name] for name in given if not name.startswith("_sdc_")}
        if self._inferred:
            self._inferred.adopt({name: own[name] for name in own if name not in self.keys})
        elif self.strategy == "declared" or own.keys() - self._known:
            self.strategy = "declared"
            self._is_declared = True
            schema = {**schema, "properties": own}
            self._schema = self._framed(schema, self.primary_keys)
            self._know(schema)

    def prepare(self) -> None:
        """Know the fields as far as anybody does, and write the schema message."""
        if self.strategy == "declared" and not self._is_declared:
            raise ConfigError(
                f"stream {self.name!r}: 'schema_strategy' is declared, and nothing declares it; "
                "give 'schema', a contract or a catalog"
            )
        self.infer()
        super().prepare()

    def infer(self) -> None:
        """With schema_strategy infer: sample the files, unless state or catalog know fields."""
        if self._inferred is None:
            return
        bookmark = self._files_tap.state.get("bookmarks", {}).get(self.name, {})
        self._inferred.remember(bookmark.get("fields"))
        if len(self._inferred.fields) == len(self.settings.date_fields):
            settings = self._files_tap.file_settings
            store = self._files_tap.connect(settings)
            for document in sample(store, self.settings.source, self._start):
                values = [document.value]
                if self.settings.explode and isinstance(document.value, dict):
                    values = list(self.elements(document.value))
                for value in values:
                    if isinstance(value, dict):
                        self.shape(self.typed(value, is_untyped=document.is_untyped)[0])
        self._show_inferred(self._inferred)

    def remembered(self) -> dict[str, Any]:
        """Return what the stream's bookmark has beside the files."""
        return {"fields": self._inferred.fields} if self._inferred else {}

    def _show_inferred(self, inferred: Inferred) -> None:
        """Make the schema that of the fields seen so far."""
        schema = key_fields(self.keys, with_document=False)
        schema["properties"] |= inferred.properties()
        self._schema = self._framed(schema, self.primary_keys)
        if self._tap_input_catalog is None:
            self._metadata = self._mask = None
        # The SDK's messages are made of the catalog as it was when the run began.
        self._files_tap.mapper.register_raw_stream_schema(
            self.name,
            get_selected_schema(self.name, self._schema, self.mask),
            list(self.primary_keys),
        )
        self._stream_maps = None

    def typed(
        self, document: dict[str, Any], *, is_untyped: bool
    ) -> tuple[dict[str, Any], list[Fault]]:
        """Return the document with text read as what it is said to be, and what is none of it."""
        if not is_untyped:
            return read_dates(document, self.settings.date_fields)
        empty = self.absent_keys({name: document.get(name) or None for name in self.keys})
        if self._typing:
            typed, faults = self._typing.read(document)
            return typed, [*empty, *faults]
        if self._inferred:
            document = {name: value or None for name, value in document.items()}
        typed, faults = read_dates(document, self.settings.date_fields)
        return typed, [*empty, *faults]

    @property
    def reads_text(self) -> bool:
        """Return whether documents of any format go through :meth:`typed`."""
        return bool(self.settings.date_fields)

    def shape(
        self, document: dict[str, Any], text: bytes | None = None
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """Return the record of a document that passed no contract, and fields it does not know.

        A document that widens an inferred schema brings its schema message with it. ``text`` is
        the document's JSON on one line, where there is one: it need not be made again.
        """
        if self.strategy == "raw":
            record = {name: _as_text(document.get(name)) for name in self.keys}
            return {**record, "document": msgspec.Raw(text) if text else document}, None
        if self._inferred:
            return self._shape_inferred(document, self._inferred)
        known = self._known
        if document.keys() <= known:
            return document, None
        return (
            {name: value for name, value in document.items() if name in known},
            {name: value for name, value in document.items() if name not in known},
        )

    def _shape_inferred(
        self, document: dict[str, Any], inferred: Inferred
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        keys = {name: _as_text(document.get(name)) for name in self.keys}
        others = document
        if keys:
            others = {name: value for name, value in document.items() if name not in keys}
        record, extra, has_widened = inferred.take(others)
        if has_widened and self._is_prepared:
            self._show_inferred(inferred)
            super().prepare()
        return {**keys, **record}, extra or None

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


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else encoder.encode(value).decode()
