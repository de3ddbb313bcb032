"""JSON Schema properties as PostgreSQL columns, each with the type that validates its values.

One property gives one column: what it is called, what it is in PostgreSQL, and what a message
must hold for it. A shape that PostgreSQL has no plain type for is kept whole, as jsonb.
"""

from __future__ import annotations

import base64
import datetime as dt
import re
import uuid
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from target_postgres import shapes
from target_postgres.identifiers import IdentifierCase, column_identifier

_INTEGER = (-(2**31), 2**31 - 1)
_BIGINT = (-(2**63), 2**63 - 1)


class SqlType(StrEnum):
    """The column types this target makes, as PostgreSQL's catalogue prints them."""

    TEXT = "text"
    UUID = "uuid"
    DATE = "date"
    TIMESTAMPTZ = "timestamp with time zone"
    INTEGER = "integer"
    BIGINT = "bigint"
    NUMERIC = "numeric"
    BOOLEAN = "boolean"
    JSONB = "jsonb"
    BYTEA = "bytea"


class Binary(StrEnum):
    """How bytes are written in a JSON string, in JSON Schema's words."""

    BASE16 = "base16"
    BASE64 = "base64"

    def to_bytes(self, text: str) -> bytes:
        """Return the bytes of valid text."""
        return bytes.fromhex(text) if self is Binary.BASE16 else base64.b64decode(text)

    def to_text(self, data: bytes) -> str:
        """Return bytes as text."""
        return data.hex() if self is Binary.BASE16 else base64.b64encode(data).decode()


_VALIDATES: dict[SqlType, Any] = {
    SqlType.TEXT: str,
    SqlType.UUID: uuid.UUID,
    SqlType.DATE: dt.date,
    SqlType.TIMESTAMPTZ: dt.datetime,
    SqlType.INTEGER: Annotated[int, msgspec.Meta(ge=_INTEGER[0], le=_INTEGER[1])],
    SqlType.BIGINT: Annotated[int, msgspec.Meta(ge=_BIGINT[0], le=_BIGINT[1])],
    SqlType.NUMERIC: int | float,
    SqlType.BOOLEAN: bool,
    SqlType.JSONB: msgspec.Raw,
}
_VALIDATES_BINARY: dict[Binary, Any] = {
    Binary.BASE16: Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9A-Fa-f]{2})*\Z")],
    Binary.BASE64: bytes,
}
_FORMATS = {"uuid": SqlType.UUID, "date": SqlType.DATE, "date-time": SqlType.TIMESTAMPTZ}
_STRINGS = {SqlType.TEXT, SqlType.BYTEA, *_FORMATS.values()}
_NUMBERS = (SqlType.INTEGER, SqlType.BIGINT, SqlType.NUMERIC)

# What a column of a type may already be in a table without losing a value that it is sent.
# An integer column may take a bigint's values, an enum a text's: PostgreSQL itself refuses those
# that it does not hold.
_HELD_BY: dict[SqlType, set[str]] = {
    SqlType.INTEGER: {"bigint", "numeric", "text"},
    SqlType.BIGINT: {"integer", "numeric", "text"},
    SqlType.TEXT: {"character varying", "enum"},
    SqlType.DATE: {"timestamp with time zone"},
    SqlType.BYTEA: {"character varying"},
}

# What a column of a type may be changed to with every value kept. Limits stand for any limit.
_SCALARS = {SqlType.TEXT, SqlType.JSONB}
_WIDENS: dict[str, set[SqlType]] = {
    "smallint": {SqlType.INTEGER, SqlType.BIGINT, SqlType.NUMERIC} | _SCALARS,
    "integer": {SqlType.BIGINT, SqlType.NUMERIC} | _SCALARS,
    "bigint": {SqlType.NUMERIC} | _SCALARS,
    "numeric()": {SqlType.NUMERIC} | _SCALARS,
    "numeric": _SCALARS,
    "character varying()": _SCALARS,
    "character varying": {SqlType.JSONB},
    "text": {SqlType.JSONB},
    "date": {SqlType.TIMESTAMPTZ} | _SCALARS,
    "timestamp with time zone": {SqlType.JSONB},
    "uuid": _SCALARS,
    "boolean": _SCALARS,
}

_ONLY_LIMITS = {("numeric()", SqlType.NUMERIC), ("character varying()", SqlType.TEXT)}
"""Changes of type that PostgreSQL makes without a look at the rows."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its type in PostgreSQL, and what a JSON value must be to go in."""

    name: str
    property_name: str
    """What it is called in a record."""
    sql_type: SqlType
    nullable: bool
    schema: dict[str, Any]
    is_json: bool
    """Whether a value is stored as its JSON text, quotes and all."""
    is_key: bool = False
    binary: Binary | None = None
    """How the bytes are written that go into a bytea column."""

    @property
    def validates(self) -> Any:
        """The msgspec type of a value that is right as it stands."""
        if self.sql_type is SqlType.JSONB:
            return _nested(self.schema)
        if self.sql_type is SqlType.BYTEA:
            plain = _VALIDATES_BINARY[Binary(self.schema["contentEncoding"])]
        else:
            plain = _VALIDATES[self.sql_type]
        return plain | None if self.nullable else plain

    def as_key(self) -> Column:
        """Return this column as a part of the primary key, which is never null."""
        return replace(self, nullable=False, is_key=True)

    def json_value(self, text: str) -> object:
        """Return what PostgreSQL was sent for this column as a JSON value."""
        if self.binary is not None:
            return self.binary.to_text(bytes.fromhex(text.removeprefix(r"\x")))
        if self.sql_type is SqlType.BOOLEAN:
            return text == "true"
        if self.sql_type in _NUMBERS and text.strip("-")[:1].isdigit():
            return msgspec.Raw(text.encode())
        return text

    def widens(self, existing: str) -> bool:
        """Tell whether a column of type ``existing`` can become this one and keep its values.

        A part of a key widens among numbers only: another type would spell the key another way.
        """
        if self.is_key and self.sql_type not in _NUMBERS:
            return False
        return self.sql_type in _WIDENS.get(_without_limits(existing), ())

    def rewrites(self, existing: str) -> bool:
        """Tell whether PostgreSQL rewrites a table to widen a column of type ``existing``."""
        return (_without_limits(existing), self.sql_type) not in _ONLY_LIMITS

    def common_type(self, existing: str) -> SqlType:
        """Return the type that holds the values of this column and of one of ``existing``."""
        if self.sql_type in _WIDENS.get(_without_limits(existing), ()):
            return self.sql_type
        return SqlType.TEXT if self.sql_type in _STRINGS else SqlType.JSONB

    def stored_as(self, existing: str) -> Column | None:
        """Return this column as a table of type ``existing`` takes it; None if it would lose."""
        if existing == self.sql_type:
            return self
        if existing == SqlType.JSONB:
            return replace(self, is_json=True, binary=None)
        if existing == SqlType.TEXT or existing in _HELD_BY.get(self.sql_type, ()):
            return replace(self, binary=None)
        return None


def column(
    name: str, schema: dict[str, Any], case: IdentifierCase = IdentifierCase.PRESERVE
) -> Column:
    """Return the column for a property with this plain JSON Schema."""
    sql_types, nullable = _shape(schema)
    sql_type = _common(sql_types)
    return Column(
        column_identifier(name, case),
        name,
        sql_type,
        nullable,
        schema,
        is_json=sql_type is SqlType.JSONB,
        binary=Binary(schema["contentEncoding"]) if sql_type is SqlType.BYTEA else None,
    )


def _shape(schema: dict[str, Any]) -> tuple[set[SqlType], bool]:
    """Return the PostgreSQL types of values of ``schema``, and whether it takes a null."""
    names = shapes.types(schema)
    options = schema.get("anyOf") or schema.get("oneOf")
    if names is None and isinstance(options, list):
        parts = [_shape(option) for option in options]
        found = {sql_type for sql_types, _ in parts for sql_type in sql_types}
        # An option's encoding is not that of all.
        found = {SqlType.TEXT if one is SqlType.BYTEA else one for one in found}
        return found, any(nullable for _, nullable in parts)
    if names is None:
        return {SqlType.JSONB}, True
    return {_plain(kind, schema) for kind in names - {"null"}}, "null" in names


def _plain(kind: object, schema: dict[str, Any]) -> SqlType:
    match kind:
        case "string":
            if str(schema.get("contentEncoding")) in {*Binary}:
                return SqlType.BYTEA
            return _FORMATS.get(str(schema.get("format")), SqlType.TEXT)
        case "integer":
            return _integer(schema.get("minimum"), schema.get("maximum"))
        case "number":
            return SqlType.NUMERIC
        case "boolean":
            return SqlType.BOOLEAN
    return SqlType.JSONB


def _integer(low: object, high: object) -> SqlType:
    """Return the smallest type for integers between two bounds, bigint if one is unknown."""
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return SqlType.BIGINT
    if _INTEGER[0] <= low and high <= _INTEGER[1]:
        return SqlType.INTEGER
    return SqlType.BIGINT if _BIGINT[0] <= low and high <= _BIGINT[1] else SqlType.NUMERIC


def _common(sql_types: set[SqlType]) -> SqlType:
    """Return the one type that holds values of all of these."""
    if len(sql_types) == 1:
        return next(iter(sql_types))
    if sql_types and sql_types <= _STRINGS:
        return SqlType.TEXT
    if sql_types and sql_types <= set(_NUMBERS):
        return max(sql_types, key=_NUMBERS.index)
    return SqlType.JSONB


def _nested(schema: Any) -> Any:
    """Return the msgspec type of a value inside jsonb; shapes it cannot say are not checked."""
    if not isinstance(schema, dict):
        return msgspec.Raw
    names = shapes.types(schema) or set()
    nullable = "null" in names
    names -= {"null"}
    if len(names) != 1:
        return msgspec.Raw
    found: Any
    match names.pop():
        case "string":
            found = str
        case "integer":
            found = int
        case "number":
            found = int | float
        case "boolean":
            found = bool
        case "array":
            found = list[_nested(schema.get("items"))]  # type: ignore[misc]
        case "object":
            found = _object(schema.get("properties"))
        case _:
            return msgspec.Raw
    return found | None if nullable else found


def _object(properties: Any) -> Any:
    named = properties if isinstance(properties, dict) else {}
    if not named or any(unnameable(name) for name in named):
        return dict[str, msgspec.Raw]
    fields = [
        (f"f{index}", _nested(schema) | msgspec.UnsetType, msgspec.UNSET)
        if _nested(schema) is not msgspec.Raw
        else (f"f{index}", msgspec.Raw, msgspec.Raw(b"null"))
        for index, schema in enumerate(named.values())
    ]
    names = {f"f{index}": name for index, name in enumerate(named)}
    return msgspec.defstruct("Nested", fields, rename=names, gc=False)


def _without_limits(sql_type: str) -> str:
    return re.sub(r"\(.*\)", "()", sql_type)


def unnameable(name: str) -> bool:
    """Tell whether msgspec cannot have a field of this name."""
    return any(letter in '\\"' or letter < " " for letter in name)
