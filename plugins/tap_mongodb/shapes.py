"""What a record looks like: the document as it is, or what a contract makes of it.

A shape knows the JSON Schema of its records and makes one of a document's bytes. The key is not
its business: every record has ``_id`` in front, put there by :mod:`tap_mongodb.documents`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from singer_kit.contract import Contract, ContractMode
from singer_kit.errors import ConfigError
from singer_kit.writer import encoder
from tap_mongodb.identity import key_text_of
from tap_mongodb.json_schema import Validator
from tap_mongodb.plain_json import OddValueError, encode_plain

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping

    from singer_kit.contract import Fault
    from tap_mongodb.plain_json import PlainJson
    from tap_mongodb.settings import Settings

KEY_SCHEMA = {"type": "string"}
EXTRA = "_sdc_extra"
EXTRA_SCHEMA = {"type": ["object", "null"]}


class FaultyError(Exception):
    """A document is not what its contract says."""

    def __init__(self, faults: list[Fault], unchecked: bytes | None = None) -> None:
        super().__init__("; ".join(f"{fault.path} {fault.message}" for fault in faults))
        self.faults = faults
        self.unchecked = unchecked
        """The members that would have gone out unchecked."""


class Shape(Protocol):
    """Makes records of documents."""

    schema: dict[str, Any]
    """JSON Schema of a record."""

    def members(self, raw: bytes) -> bytes:
        """Return the members of a document's record behind ``_id``, at least one.

        Raises:
            FaultyError: the document breaks its contract.
            BadValueError: the bytes are no BSON, or hold what a setting forbids.
        """
        ...


class RawShape:
    """The whole document as one object."""

    def __init__(self, write: Callable[[bytes], bytes]) -> None:
        self.schema = record_schema({"document": {"type": "object"}})
        self._write = write

    def members(self, raw: bytes) -> bytes:
        """Return the document; see :class:`Shape`."""
        return b'"document":' + self._write(raw)


class ContractShape:
    """The fields that a contract model makes of a document; what it does not know stands apart."""

    def __init__(
        self, contract: Contract, mode: ContractMode, plain: PlainJson, counts: Counter[str]
    ) -> None:
        schema = contract.schema()
        self.schema = record_schema({**schema["properties"], EXTRA: EXTRA_SCHEMA})
        self._fields = schema["properties"].keys()
        self._contract = contract
        self._checks = mode is not ContractMode.OFF
        self._plain = plain
        self._counts = counts

    def members(self, raw: bytes) -> bytes:
        """Return the contract's record; see :class:`Shape`."""
        if not self._checks:
            return self._unchecked(raw)
        document = self._plain.read(raw)
        record = self._contract.read(document)
        if not isinstance(record, dict):
            raise FaultyError(record, self._unchecked(raw))
        extra = self._unknown(document)
        if extra:
            try:
                said = encode_plain(extra)
            except OddValueError:
                said = encode_plain(self._unknown(self._plain.walk(raw)))
            self._counts["unknown_fields"] += len(extra)
        else:
            said = b"null"
        return encoder.encode(record)[1:-1] + b',"_sdc_extra":' + said

    def _unknown(self, document: dict[str, Any]) -> dict[str, Any]:
        unknown = self._contract.unknown_fields(document)
        unknown.pop("_id", None)
        return unknown

    def _unchecked(self, raw: bytes) -> bytes:
        return split(self._plain.walk(raw), self._fields, self._counts)


class SchemaShape:
    """The fields that a JSON Schema declares; others stand apart."""

    def __init__(
        self,
        schema: Mapping[str, Any],
        mode: ContractMode,
        plain: PlainJson,
        counts: Counter[str],
    ) -> None:
        fields = {name: each for name, each in schema["properties"].items() if name != "_id"}
        self.schema = record_schema({**fields, EXTRA: EXTRA_SCHEMA})
        self._fields = fields.keys()
        self._validator = Validator(schema) if mode is not ContractMode.OFF else None
        self._plain = plain
        self._counts = counts

    def members(self, raw: bytes) -> bytes:
        """Return the declared fields; see :class:`Shape`."""
        document: dict[str, Any] = msgspec.json.decode(self._plain.write(raw))
        document["_id"] = key_text_of(raw)
        faults = self._validator.faults(document) if self._validator else []
        members = split(document, self._fields, self._counts)
        if faults:
            raise FaultyError(faults, members)
        return members


def declared_shape(
    settings: Settings, collection: str, plain: PlainJson, counts: Counter[str]
) -> Shape:
    """Return the shape of a collection with a contract model or a JSON Schema.

    Raises:
        ConfigError: it has neither, or it cannot be read.
    """
    if path := settings.contract_models.get(collection):
        return ContractShape(Contract.load(path), settings.contract_mode, plain, counts)
    if path := settings.json_schemas.get(collection):
        return SchemaShape(_read(collection, path), settings.contract_mode, plain, counts)
    raise ConfigError(
        f"setting 'schema_strategy': declared needs a schema for collection {collection!r}; "
        "name it in contract_models or json_schemas, or leave the collection out"
    )


def _read(collection: str, path: str) -> dict[str, Any]:
    try:
        schema = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"setting 'json_schemas': {path!r} of collection {collection!r} cannot be read: {error}"
        ) from None
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        raise ConfigError(
            f"setting 'json_schemas': {path!r} of collection {collection!r} has no properties; "
            "give a JSON Schema of an object"
        )
    return schema


def record_schema(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of records with these properties behind the key.

    Each may be null or absent: a delete brings the key alone.
    """
    return {
        "type": "object",
        "properties": {
            "_id": KEY_SCHEMA,
            **{name: nullable(schema) for name, schema in properties.items()},
        },
        "required": ["_id"],
    }


def nullable(schema: Any) -> Any:
    """Return a property's schema that also takes null."""
    types = schema.get("type") if isinstance(schema, dict) else None
    if isinstance(types, str | list):
        names = [types] if isinstance(types, str) else types
        made = schema if "null" in names else {**schema, "type": [*names, "null"]}
        if "enum" in made and None not in made["enum"]:
            made = {**made, "enum": [*made["enum"], None]}
        return made
    if not isinstance(schema, dict) or not schema:
        return schema
    return {"anyOf": [schema, {"type": "null"}]}


def split(document: dict[str, Any], fields: Any, counts: Counter[str]) -> bytes:
    """Return a document's members: each field, null where it has none, and the rest apart."""
    record = {name: document.get(name) for name in fields}
    extra = {
        name: value for name, value in document.items() if name not in fields and name != "_id"
    }
    if extra:
        counts["unknown_fields"] += len(extra)
    record[EXTRA] = extra or None
    return encoder.encode(record)[1:-1]
