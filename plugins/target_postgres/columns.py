"""JSON Schema properties as PostgreSQL columns, each with the type that validates its values.

One property gives one column: what it is called, what it is in PostgreSQL, and what a message
must hold for it. A shape that PostgreSQL has no plain type for is kept whole, as jsonb.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any

import msgspec

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
_FORMATS = {"uuid": SqlType.UUID, "date": SqlType.DATE, "date-time": SqlType.TIMESTAMPTZ}
_STRINGS = {SqlType.TEXT, *_FORMATS.values()}
_NUMBERS = (SqlType.INTEGER, SqlType.BIGINT, SqlType.NUMERIC)

# What a column of a type may already be in a table without losing a value that it is sent.
# An integer column may take a bigint's values: PostgreSQL itself refuses those beyond it.
_HELD_BY: dict[SqlType, set[str]] = {
    SqlType.INTEGER: {"bigint", "numeric", "text"},
    SqlType.BIGINT: {"integer", "numeric", "text"},
    SqlType.TEXT: {"character varying"},
    SqlType.DATE: {"timestamp with time zone"},
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

    @property
    def validates(self) -> Any:
        """The msgspec type of a value that is right as it stands."""
        if self.sql_type is SqlType.JSONB:
            return _nested(self.schema)
        plain = _VALIDATES[self.sql_type]
        return plain | None if self.nullable else plain

    def as_key(self) -> Column:
        """Return this column as a part of the primary key, which is never null."""
        return replace(self, nullable=False, is_key=True)

    def json_value(self, text: str) -> object:
        """Return what PostgreSQL was sent for this column as a JSON value."""
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
            return replace(self, is_json=True)
        if existing == SqlType.TEXT or existing in _HELD_BY.get(self.sql_type, ()):
            return self
        return None


def column(
    name: str, schema: dict[str, Any], case: IdentifierCase = IdentifierCase.PRESERVE
) -> Column:
    """Return the column for a property with this JSON Schema."""
    sql_type, nullable = _shape(schema)
    is_json = sql_type is SqlType.JSONB
    return Column(column_identifier(name, case), name, sql_type, nullable, schema, is_json=is_json)


def _shape(schema: Any) -> tuple[SqlType, bool]:
    """Return the PostgreSQL type of ``schema`` and whether it takes a null."""
    if not isinstance(schema, dict):
        return SqlType.JSONB, True
    options = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(options, list) and "type" not in schema:
        real = [option for option in options if option != {"type": "null"}]
        shapes = [_shape(option) for option in real]
        nullable = len(real) < len(options) or any(null for _, null in shapes)
        return _common({sql_type for sql_type, _ in shapes}), nullable
    types = schema.get("type", [])
    names = set(types) if isinstance(types, list) else {types}
    nullable = "null" in names or not names
    return _common({_plain(kind, schema) for kind in names - {"null"}}), nullable


def _plain(kind: object, schema: dict[str, Any]) -> SqlType:
    match kind:
        case "string":
            return _FORMATS.get(schema.get("format", ""), SqlType.TEXT)
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
    types = schema.get("type", [])
    names = set(types) if isinstance(types, list) else {types}
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
