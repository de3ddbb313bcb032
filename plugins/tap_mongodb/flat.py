"""MeltanoLabs' flat layout: each field that the catalog declares is a column by itself.

A value must have the type declared for its field. Types that JSON Schema has no word for
(ObjectId, Decimal128 and their like) are text; fields that nobody declared are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_kit.errors import ConfigError
from tap_mongodb.bson_bytes import BadValueError, elements, guarded
from tap_mongodb.extended_json import encode_json
from tap_mongodb.plain_json import PlainWriter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_mongodb.plain_json import Policy

_RESERVED = frozenset(
    {
        "cluster_time",
        "document",
        "namespace",
        "object_id",
        "operation_type",
        "replication_key",
        "to",
        "update_description",
    }
)
_KINDS: dict[int, str] = {
    0x01: "double",
    0x02: "string",
    0x03: "object",
    0x04: "array",
    0x05: "binary",
    0x06: "undefined",
    0x07: "ObjectId",
    0x08: "boolean",
    0x09: "date",
    0x0A: "null",
    0x0B: "regular expression",
    0x0C: "pointer",
    0x0D: "code",
    0x0E: "symbol",
    0x0F: "code",
    0x10: "int",
    0x11: "timestamp",
    0x12: "int",
    0x13: "decimal",
    0x7F: "largest key",
    0xFF: "smallest key",
}
_AS_TEXT = frozenset(_KINDS) - {0x01, 0x03, 0x04, 0x08, 0x09, 0x10, 0x12}
_ACCEPTED: dict[str, frozenset[int]] = {
    "array": frozenset({0x04}),
    "boolean": frozenset({0x08}),
    "date-time": frozenset({0x09}),
    "integer": frozenset({0x10, 0x12}),
    "number": frozenset({0x01, 0x10, 0x12}),
    "object": frozenset({0x03}),
    "string": _AS_TEXT,
}
_NULL = b"null"
_NULLS = frozenset({0x06, 0x0A})


class FlatLayout:
    """The declared fields of a stream."""

    def __init__(self, stream: str, declared: Mapping[str, Any], policy: Policy) -> None:
        """Read the declaration.

        Raises:
            ConfigError: it has no field of a document.
        """
        self.properties: dict[str, Any] = {
            name: schema
            for name, schema in declared.items()
            if name not in _RESERVED and not name.startswith("_sdc_")
        }
        """JSON Schema of each field."""
        if not self.properties:
            raise ConfigError(
                f"stream {stream!r}: document_layout flat has no field to write; declare the "
                "document's fields as properties of the stream's schema in the catalog"
            )
        self._names = {name: encode_json(name) + b":" for name in self.properties}
        self._types = {name: _declared_type(schema) for name, schema in self.properties.items()}
        self._writer = PlainWriter(policy)

    def members(self, document: bytes | None) -> bytes:
        """Return each declared field of a document, null where it has none.

        Raises:
            BadValueError: a value has not the type declared for its field.
        """
        texts = dict.fromkeys(self.properties, _NULL)
        if document is not None:
            for kind, raw_name, start, _ in guarded(
                lambda data, at: list(elements(data, at)), document
            ):
                name = raw_name.decode(errors="replace")
                if name not in texts or kind in _NULLS:
                    continue
                declared = self._types[name]
                if declared is not None and kind not in _ACCEPTED[declared]:
                    fault = BadValueError(
                        f"{declared}_expected",
                        f"found {_KINDS[kind]}; must be {declared}, as the catalog declares",
                    )
                    fault.path.append(name)
                    raise fault
                text = self._writer.value(document, kind, start)
                is_text = declared != "string" or text == _NULL or text.startswith(b'"')
                texts[name] = text if is_text else encode_json(text.decode())
        return b",".join(self._names[name] + text for name, text in texts.items())


def _declared_type(schema: Any) -> str | None:
    """Return the one type that a property declares besides null; None where any value will do."""
    declared = schema.get("type", []) if isinstance(schema, dict) else []
    names = [declared] if isinstance(declared, str) else declared
    others = [name for name in names if name != "null"]
    if len(others) != 1:
        return None
    if others[0] == "string" and schema.get("format") == "date-time":
        return "date-time"
    return others[0] if others[0] in _ACCEPTED else None
