"""JSON Schemas of the tap's streams, with what every one of its rows has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_kit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def framed(schema: Mapping[str, Any], keys: Iterable[str], *, with_deletes: bool) -> dict[str, Any]:
    """Return a schema of documents as that of rows: with lineage, and the key required.

    With deletes nothing but the key is required, for that is all a delete has.
    """
    properties = {**schema["properties"], **LINEAGE, "_sdc_extra": _OPTIONAL_OBJECT}
    required = {"_sdc_source_file", *keys}
    if with_deletes:
        properties["_sdc_deleted_at"] = _OPTIONAL_MOMENT
    else:
        required |= {*schema.get("required", ())}
    return {**schema, "properties": properties, "required": sorted(required)}


def key_fields(keys: Iterable[str], *, with_document: bool) -> dict[str, Any]:
    """Return the schema of documents of which only the key is known, as text."""
    properties: dict[str, Any] = dict.fromkeys(keys, _TEXT)
    if with_document:
        properties["document"] = {"type": "object"}
    return {"type": "object", "properties": properties, "required": list(properties)}


def declared(stream: str, given: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON Schema that is given itself, or by the path of a file.

    Raises:
        ConfigError: there is no such file, or no schema of an object in it.
    """
    schema: Any = given
    if isinstance(given, str):
        try:
            schema = json.loads(Path(given).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"stream {stream!r}: schema {given!r} cannot be read: {error}"
            ) from None
    if not isinstance(schema, Mapping) or not isinstance(schema.get("properties"), Mapping):
        raise ConfigError(
            f"stream {stream!r}: 'schema' has no properties; give a JSON Schema of an object"
        )
    return dict(schema)
