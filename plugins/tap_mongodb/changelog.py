"""Change events as records, with the fields that MeltanoLabs' tap-mongodb gives them.

Their tables take these records unchanged. What goes beyond theirs: `to` and `update_description`,
and the `object_id` of an event whose look-up found no document.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import bson

from singer_kit.contract import json_path
from singer_kit.errors import ConfigError, ContractExceededError
from tap_mongodb.bson_bytes import (
    BadValueError,
    elements,
    guarded,
    string_content,
    timestamp,
    utf8,
)
from tap_mongodb.documents import policy_of, writer_of
from tap_mongodb.extended_json import encode_json
from tap_mongodb.flat import FlatLayout
from tap_mongodb.identity import id_of
from tap_mongodb.incremental import said_of
from tap_mongodb.plain_json import ForbiddenValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_mongodb.settings import Settings

_TEXT = {"type": ["string", "null"]}
_MOMENT = {"type": ["string", "null"], "format": "date-time"}
_OBJECT = {"type": ["object", "null"]}
_NAMESPACE = {**_OBJECT, "properties": {"database": _TEXT, "collection": _TEXT}}
ENVELOPE: dict[str, Any] = {
    "replication_key": _TEXT,
    "object_id": _TEXT,
    "document": {**_OBJECT, "additionalProperties": True},
    "operation_type": _TEXT,
    "cluster_time": _MOMENT,
    "namespace": _NAMESPACE,
    "to": _NAMESPACE,
    "update_description": {**_OBJECT, "additionalProperties": True},
}
METADATA: dict[str, Any] = {
    "_sdc_batched_at": _MOMENT,
    "_sdc_deleted_at": _MOMENT,
    "_sdc_extracted_at": _MOMENT,
}

_NULL, _DOCUMENT = 0x0A, 0x03
_Found = dict[bytes, tuple[int, int, int]]
"""By field name: the value's BSON type, and where it begins and ends."""


class ChangelogEncoder:
    """Makes records of one collection's events."""

    def __init__(
        self, settings: Settings, stream_name: str, declared: Mapping[str, Any] | None = None
    ) -> None:
        """Get ready for a stream.

        Args:
            settings: the tap's.
            stream_name: name of the stream, for errors.
            declared: properties of the catalog's schema, for ``document_layout`` ``flat``.

        Raises:
            ConfigError: the layout is ``flat`` and no field is declared.
        """
        self._stream = stream_name
        self.counts: Counter[str] = Counter()
        """As :class:`tap_mongodb.documents.DocumentEncoder` counts."""
        # Their dates have no zone.
        policy = policy_of(settings, self.counts, zone="")
        self._write = writer_of(settings.bson_mode, policy)
        self._add_metadata = settings.add_record_metadata
        self._flat = (
            FlatLayout(stream_name, declared or {}, policy)
            if settings.document_layout == "flat"
            else None
        )
        properties = dict(ENVELOPE)
        if self._flat:
            properties.pop("document")
            properties.update(self._flat.properties)
        if self._add_metadata:
            properties.update(METADATA)
        self.schema: dict[str, Any] = {"type": "object", "properties": properties}
        self.key_properties = ["replication_key"]

    def encode(self, raw: bytes) -> bytes:
        """Return the members of an event's record, without braces.

        Args:
            raw: the whole event as BSON.

        Raises:
            ConfigError: the event has no token any more.
            ContractExceededError: a setting says that a value must end the run, or with the
                ``flat`` layout one is not of the type declared for it.
        """
        found = _fields(raw)
        operation = _text(raw, found.get(b"operationType"))
        seconds = timestamp(raw, found[b"clusterTime"][1])[0] if b"clusterTime" in found else None
        moment = None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
        key = _document(raw, found.get(b"documentKey"))
        # A null document was looked up and not found: the key still says whose event it is.
        document = _document(raw, found.get(b"fullDocument", found.get(b"documentKey")))
        extra = {
            "operation_type": operation,
            "cluster_time": moment,
            "namespace": _namespace(raw, found.get(b"ns")),
            "to": _namespace(raw, found.get(b"to")),
        }
        if self._add_metadata and operation == "delete":
            extra["_sdc_deleted_at"] = moment
        description = _document(raw, found.get(b"updateDescription"))
        return self._members(
            replication_key=_token(raw, found.get(b"_id")),
            object_id=object_id(document or key),
            document=document,
            extra=extra,
            update_description=self._checked(self._json, description),
        )

    def encode_document(self, raw: bytes, database: str, collection: str) -> bytes:
        """Return the members of the record of a document that was read, not changed.

        Raises:
            ConfigError: the ``_id`` is no ObjectId, whose time the replication key holds.
            ContractExceededError: as :meth:`encode`.
        """
        id_ = bson.decode(id_of(raw))["_id"]
        if not isinstance(id_, bson.ObjectId):
            raise ConfigError(
                f"stream {self._stream!r}: found an _id of type {type(id_).__name__.lower()}; it "
                "must be an ObjectId here: choose output_mode upsert"
            )
        return self._members(
            replication_key=said_of(id_),
            object_id=str(id_),
            document=raw,
            extra={
                "operation_type": None,
                "cluster_time": None,
                "namespace": {"database": database, "collection": collection},
                "to": None,
            },
            update_description=b"null",
        )

    def encode_token(self, token: str) -> bytes:
        """Return the members of a record that says only how far a quiet stream has come."""
        return self._members(
            replication_key=token,
            object_id=None,
            document=None,
            extra=dict.fromkeys(("operation_type", "cluster_time", "namespace", "to")),
            update_description=b"null",
        )

    def _members(
        self,
        *,
        replication_key: str,
        object_id: str | None,
        document: bytes | None,
        extra: dict[str, Any],
        update_description: bytes,
    ) -> bytes:
        if self._add_metadata:
            extra["_sdc_batched_at"] = datetime.now(UTC).isoformat()
        if self._flat:
            shaped = self._checked(self._flat.members, document)
        else:
            shaped = b'"document":' + self._checked(self._json, document)
        envelope = {"replication_key": replication_key, "object_id": object_id, **extra}
        return b'%b,%b,"update_description":%b' % (
            encode_json(envelope)[1:-1],
            shaped,
            update_description,
        )

    def _json(self, document: bytes | None) -> bytes:
        if document is None:
            return b"null"
        try:
            return self._write(document)
        except ForbiddenValueError:
            raise
        except BadValueError:
            # Text that is no UTF-8, where the same bytes must come back. An event has happened
            # whatever it is about, and one document must not hold up all that follow it.
            self.counts["invalid_text"] += 1
            return b"null"

    def _checked(self, write: Callable[[bytes | None], bytes], document: bytes | None) -> bytes:
        try:
            return write(document)
        except BadValueError as error:
            path = json_path(tuple(reversed(error.path)))
            raise ContractExceededError(
                f"stream {self._stream!r}, object_id {object_id(document)}: {path} "
                f"{error.message}; repair the document, or change the setting or declaration"
            ) from None


def object_id(document: bytes | None) -> str | None:
    """Return a document's ``_id`` as Python says it, which is what the field has always held."""
    if document is None or (found := _fields(document).get(b"_id")) is None:
        return None
    return None if found[0] == _NULL else str(bson.decode(id_of(document))["_id"])


def _fields(raw: bytes) -> _Found:
    return guarded(
        lambda data, at: {
            name: (kind, start, end) for kind, name, start, end in elements(data, at)
        },
        raw,
    )


def _token(raw: bytes, found: tuple[int, int, int] | None) -> str:
    token = _document(raw, found)
    text = None if token is None else _text(token, _fields(token).get(b"_data"))
    if text is None:
        raise ConfigError(
            "setting 'change_stream_pipeline': an event came without its _id, the resume token; "
            "keep _id in every stage"
        )
    return text


def _text(raw: bytes, found: tuple[int, int, int] | None) -> str | None:
    return None if found is None else utf8(string_content(raw, found[1])[0])


def _document(raw: bytes, found: tuple[int, int, int] | None) -> bytes | None:
    if found is None or found[0] != _DOCUMENT:
        return None
    return raw[found[1] : found[2]]


def _namespace(raw: bytes, found: tuple[int, int, int] | None) -> dict[str, str | None] | None:
    names = _document(raw, found)
    if names is None:
        return None
    fields = _fields(names)
    return {
        "database": _text(names, fields.get(b"db")),
        "collection": _text(names, fields.get(b"coll")),
    }
