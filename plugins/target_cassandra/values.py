"""JSON values as CQL values: what a property is decoded to, and how that is sent for each type.

A property is decoded once, by its JSON Schema, and may go into columns of several types. What
does not fit a column raises :class:`Unfit`; nothing is ever cut off or rounded to fit, except
that a CQL timestamp has milliseconds and a double has 53 bits.

A CQL value is made as it goes over the wire, its length of four bytes in front: so it stands in
a batch, in a list and in a user-defined type alike, and what holds several is only joined.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import struct
import uuid
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from singer_kit.writer import encoder as json_encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Encode = Callable[[Any], bytes]
    UserTypes = Mapping[str, Sequence[tuple[str, str]]]


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FIRST_DAY = 2**31 - dt.date(1970, 1, 1).toordinal()
_pack = struct.Struct(">i").pack
_unpack = struct.Struct(">i").unpack_from
NULL = _pack(-1)
"""A null that is written."""

UNSET = _pack(-2)
"""What leaves a column as it is. Both are told from values by identity."""

_ABSENT = {-1: NULL, -2: UNSET}

PREFIX = 4
"""Bytes in front of a value."""

_INTEGERS = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}
_FORMATS = {"b": 8, "h": 16, "i": 32, "q": 64}
_TEXTS = ("text", "varchar")
_COLLECTION = re.compile(r"(?:list|set)<(.+)>")
_MOST_DIGITS = 400
"""More than any double has before its point."""

_INT32 = (-(2**31), 2**31 - 1)
_INT64 = (-(2**63), 2**63 - 1)


def wire(value: bytes) -> bytes:
    """Return a value with its length in front."""
    return _pack(len(value)) + value


def split(joined: bytes) -> list[bytes]:
    """Return values that were joined, each with its length in front."""
    found = []
    at = 0
    while at < len(joined):
        (size,) = _unpack(joined, at)
        end = at + PREFIX + max(size, 0)
        found.append(_ABSENT.get(size) or joined[at:end])
        at = end
    return found


class Unfit(Exception):  # noqa: N818 - not an error of the program: it becomes a rejected record
    """A value does not fit its column; ``code`` is stable, the text never quotes the value."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.path = ""


class Kind(StrEnum):
    """What a JSON Schema says of a value."""

    TEXT = "text"
    UUID = "uuid"
    DATE = "date"
    TIME = "date-time"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ARRAY = "array"
    OBJECT = "object"
    ANY = "any"


_KINDS = {"integer": Kind.INTEGER, "number": Kind.NUMBER, "boolean": Kind.BOOLEAN}
_STRINGS = {"uuid": Kind.UUID, "date": Kind.DATE, "date-time": Kind.TIME}
_CQL = {
    Kind.TEXT: "text",
    Kind.UUID: "uuid",
    Kind.DATE: "date",
    Kind.TIME: "timestamp",
    Kind.NUMBER: "double",
    Kind.BOOLEAN: "boolean",
    Kind.ARRAY: "text",
    Kind.OBJECT: "text",
    Kind.ANY: "text",
}
_DECODED: dict[Kind, Any] = {
    Kind.TEXT: str,
    Kind.UUID: uuid.UUID,
    Kind.DATE: dt.date,
    Kind.TIME: dt.datetime,
    Kind.INTEGER: int,
    Kind.NUMBER: Decimal,
    Kind.BOOLEAN: bool,
}


@dataclass(frozen=True, slots=True)
class Shape:
    """A property: its kind, and those of what is in it."""

    kind: Kind
    schema: Mapping[str, Any]
    items: Shape | None = None
    fields: tuple[tuple[str, Shape], ...] = ()

    def cql(self, user_type: str | None) -> str:
        """Return the CQL type that holds every value; ``user_type`` names that of an object."""
        if self.kind is Kind.INTEGER:
            return _integer(self.schema)
        if self.kind is Kind.ARRAY and self.items and (user_type or not self.items.is_document):
            return f"frozen<list<{self.items.cql(user_type)}>>"
        if self.kind is Kind.OBJECT and user_type:
            return f"frozen<{user_type}>"
        return _CQL[self.kind]

    @property
    def is_document(self) -> bool:
        """Whether it is kept as JSON text, unless a user-defined type is named for it."""
        return self.kind in (Kind.OBJECT, Kind.ARRAY, Kind.ANY)

    @property
    def decoded(self) -> Any:
        """The msgspec type of a value."""
        if self.kind is Kind.ARRAY and self.items is not None:
            inner: Any = self.items.decoded
            element: Any = inner if inner is msgspec.Raw else inner | None
            return list.__class_getitem__(element)
        if self.kind is Kind.OBJECT and self.fields:
            return structure("Object", dict(self.fields))
        return _DECODED.get(self.kind, msgspec.Raw)


def shape(schema: Any) -> Shape:
    """Return the shape of a JSON Schema; what has several types or none is of any kind."""
    if not isinstance(schema, dict):
        return Shape(Kind.ANY, {})
    options = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(options, list) and "type" not in schema:
        real = [option for option in options if option != {"type": "null"}]
        return shape(real[0]) if len(real) == 1 else Shape(Kind.ANY, schema)
    types = schema.get("type", [])
    names = (set(types) if isinstance(types, list) else {types}) - {"null"}
    if names == {"integer", "number"}:
        return Shape(Kind.NUMBER, schema)
    return _of_one_type(names.pop(), schema) if len(names) == 1 else Shape(Kind.ANY, schema)


def _of_one_type(name: str, schema: dict[str, Any]) -> Shape:
    if name == "string":
        return Shape(_STRINGS.get(schema.get("format", ""), Kind.TEXT), schema)
    if name == "array" and isinstance(schema.get("items"), dict):
        return Shape(Kind.ARRAY, schema, items=shape(schema["items"]))
    properties = schema.get("properties")
    if name == "object" and properties and all(map(nameable, properties)):
        fields = tuple((key, shape(value)) for key, value in properties.items())
        return Shape(Kind.OBJECT, schema, fields=fields)
    return Shape(_KINDS.get(name, Kind.ANY), schema)


def structure(name: str, shapes: Mapping[str, Shape], required: Sequence[str] = ()) -> Any:
    """Return a msgspec struct with a field for each shape; an absent one is UNSET."""
    fields: list[Any] = []
    names = {}
    for index, (field, one) in enumerate(shapes.items()):
        attribute = f"f{index}"
        names[attribute] = field
        kind = one.decoded
        if field in required:
            fields.append((attribute, kind))
        elif kind is msgspec.Raw:
            # A union with it is not to be had: no text at all stands for absent.
            fields.append((attribute, kind, msgspec.Raw(b"")))
        else:
            fields.append((attribute, kind | None | msgspec.UnsetType, msgspec.UNSET))
    return msgspec.defstruct(name, fields, rename=names, kw_only=True, gc=False)


def encoder(one: Shape, cql: str, user_types: UserTypes) -> Encode | None:
    """Return what turns a decoded value into a CQL value; None if the type cannot hold it.

    An encoder may raise AttributeError or TypeError for what the shape does not decode to.
    """
    inner = _thawed(cql)
    if found := _COLLECTION.fullmatch(inner):
        # A list that is not frozen is not safe to write twice.
        if inner == cql or one.items is None:
            return None
        return _collection(_expression(one.items, found[1], user_types))
    if inner not in user_types:
        return _scalar(one.kind, cql)
    made = _expression(one, cql, user_types)
    return _compiled(f"    return {made[0]}\n", made[1]) if made else None


def _thawed(cql: str) -> str:
    return cql.removeprefix("frozen<").removesuffix(">") if cql.startswith("frozen<") else cql


def _expression(one: Shape, cql: str, user_types: UserTypes) -> tuple[str, dict[str, Any]] | None:
    """Return the source text of an encoded ``value``, and what its names stand for.

    None if the type cannot hold it.
    """
    inner = _thawed(cql)
    if inner in user_types:
        return _object(one, user_types[inner], user_types) if inner != cql else None
    encode = encoder(one, cql, user_types)
    return (_call("encode", encode, "value"), {"encode": encode}) if encode else None


def _scalar(kind: Kind, cql: str) -> Encode | None:
    if cql in _TEXTS and kind in (Kind.ARRAY, Kind.OBJECT):
        return _document
    if cql in _INTEGERS and kind is Kind.INTEGER:
        return _sized_integer(cql)
    return _SCALARS.get((kind, "text" if cql == "varchar" else cql))


def _integer(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return "bigint"
    if _INT32[0] <= low and high <= _INT32[1]:
        return "int"
    return "bigint" if _INT64[0] <= low and high <= _INT64[1] else "varint"


def nameable(name: str) -> bool:
    """Tell whether msgspec can have a field of this name."""
    return not any(letter in '\\"' or letter < " " for letter in name)


def _sized_integer(cql: str) -> Encode:
    bits = _INTEGERS[cql]
    letter = next(one for one, size in _FORMATS.items() if size == bits)
    size = bits // 8
    pack = struct.Struct(f">i{letter}").pack

    def encode(value: int) -> bytes:
        try:
            return pack(size, value)
        except struct.error:
            raise Unfit("range", f"does not fit {cql}, which has {bits} bits") from None

    return encode


def _text(value: str) -> bytes:
    encoded = value.encode()
    return _pack(len(encoded)) + encoded


def _uuid(value: uuid.UUID) -> bytes:
    return _UUID_LENGTH + value.int.to_bytes(16, "big")


def _timestamp(value: dt.datetime) -> bytes:
    if value.tzinfo is None:
        value = value.replace(tzinfo=dt.UTC)
    since = value - _EPOCH
    # In whole numbers: a difference divided by another one takes twice the time.
    return _pack_long(
        8, (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000
    )


def _date(value: dt.date) -> bytes:
    return _pack_unsigned(4, value.toordinal() + _FIRST_DAY)


def _varint(value: int) -> bytes:
    return wire(_plain_varint(value))


def _plain_varint(value: int) -> bytes:
    return value.to_bytes((value + (value < 0)).bit_length() // 8 + 1, "big", signed=True)


def _decimal(value: Decimal) -> bytes:
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or not -(2**31) < -exponent < 2**31:
        raise Unfit("range", "does not fit decimal")
    unscaled = int("".join(map(str, digits)))
    return wire(_pack(-exponent) + _plain_varint(-unscaled if sign else unscaled))


def _double(value: Decimal | int) -> bytes:
    number = float(value) if Decimal(value).adjusted() < _MOST_DIGITS else math.inf
    if math.isinf(number):
        raise Unfit("range", "does not fit double")
    return struct.pack(">id", 8, number)


def _float(value: Decimal | int) -> bytes:
    try:
        return struct.pack(">if", 4, value)
    except OverflowError:
        raise Unfit("range", "does not fit float") from None


def _ascii(value: str) -> bytes:
    try:
        return wire(value.encode("ascii"))
    except UnicodeEncodeError:
        raise Unfit("format", "is not ASCII, which its column asks for") from None


def _any(value: msgspec.Raw) -> bytes:
    raw = bytes(value)
    return wire(msgspec.json.decode(raw, type=str).encode() if raw.startswith(b'"') else raw)


def _document(value: Any) -> bytes:
    return wire(json_encoder.encode(value))


def _collection(element: tuple[str, dict[str, Any]] | None) -> Encode | None:
    """Return the encoder of a list, ``element`` being made of each value in it."""
    if element is None:
        return None
    made, known = element
    body = (
        "    values, parts = value, []\n"
        "    for value in values:\n"
        "        if value is None:\n"
        "            missing(values)\n"
        f"        parts.append({made})\n"
        "    joined = b''.join(parts)\n"
        f"    return pack({PREFIX} + len(joined)) + pack(len(values)) + joined\n"
    )
    encode: Encode = _compiled(body, known | {"missing": _missing})
    return encode


def _missing(values: Sequence[Any]) -> NoReturn:
    at = next(index for index, value in enumerate(values) if value is None)
    raise Unfit("type", f"has nothing at {at}, where a list must have a value")


def _object(
    one: Shape,
    fields: Sequence[tuple[str, str]],
    user_types: UserTypes,
) -> tuple[str, dict[str, Any]] | None:
    """Return an object as :func:`_expression`; fields that the type has and it not are null."""
    shapes = dict(one.fields)
    if not shapes:
        return None
    names = list(shapes)
    known: dict[str, Any] = {}
    parts = []
    for at, (name, cql) in enumerate(fields):
        if name not in shapes:
            parts.append("NULL")
            continue
        encode = encoder(shapes[name], cql, user_types)
        if encode is None:
            return None
        known[f"encode_{at}"] = encode
        given = f"value.f{names.index(name)}"
        call = _call(f"encode_{at}", encode, "given")
        parts.append(f"(NULL if (given := {given}) is None or given is UNSET else {call})")
    return f"pack(len(joined := {' + '.join(parts)})) + joined", known


def maker(plan: Sequence[tuple[int, Encode, bytes]]) -> Callable[[Sequence[Any]], list[bytes]]:
    """Return what makes the values of a row's columns, in the order of ``plan``.

    The plan says of each where it is found, how it is encoded, and what stands for its null. What
    is returned raises Unfit for a value that does not fit, and for one that is not there.
    """
    known: dict[str, Any] = {}
    parts = []
    for at, (found, encode, null) in enumerate(plan):
        known[f"encode_{at}"], known[f"null_{at}"] = encode, null
        call = _call(f"encode_{at}", encode, "given")
        parts.append(
            f"null_{at} if (given := value[{found}]) is None else absent() if given is UNSET "
            f"else {call}"
        )
    make: Callable[[Sequence[Any]], list[bytes]] = _compiled(
        f"    return [{', '.join(parts)}]\n", known
    )
    return make


def absent() -> bytes:
    """Be called where a value must be and none is.

    Raises:
        Unfit: always.
    """
    raise Unfit("required", "not there")


def _compiled(body: str, known: dict[str, Any]) -> Any:
    """Return a function of ``value``, made as source text.

    What lies between the values of a small object, or of a row, costs more than most values.
    """
    known |= {
        "NULL": NULL,
        "UNSET": msgspec.UNSET,
        "UUID_LENGTH": _UUID_LENGTH,
        "absent": absent,
        "pack": _pack,
    }
    exec(f"def made(value):\n{body}", known)  # noqa: S102 - nothing in it comes from outside
    return known["made"]


def _call(name: str, encode: Encode, given: str) -> str:
    """Return the source text of an encoded value; what is short is not called."""
    return _SHORT.get(encode, "{name}({given})").format(name=name, given=given)


_SHORT: dict[Any, str] = {
    _text: "pack(len(text := {given}.encode())) + text",
    _uuid: "UUID_LENGTH + {given}.int.to_bytes(16, 'big')",
}
"""What is done by encoders that take less than a call does."""


_TRUE = wire(b"\x01")
_FALSE = wire(b"\x00")
_UUID_LENGTH = _pack(16)
_pack_long = struct.Struct(">iq").pack
_pack_unsigned = struct.Struct(">iI").pack

_SCALARS: dict[tuple[Kind, str], Any] = {
    (Kind.TEXT, "text"): _text,
    (Kind.TEXT, "ascii"): _ascii,
    (Kind.UUID, "uuid"): _uuid,
    (Kind.UUID, "text"): lambda value: wire(str(value).encode()),
    (Kind.DATE, "date"): _date,
    (Kind.DATE, "text"): lambda value: wire(value.isoformat().encode()),
    (Kind.TIME, "timestamp"): _timestamp,
    (Kind.INTEGER, "varint"): _varint,
    (Kind.INTEGER, "decimal"): lambda value: _decimal(Decimal(value)),
    (Kind.INTEGER, "text"): lambda value: wire(str(value).encode()),
    (Kind.NUMBER, "double"): _double,
    (Kind.NUMBER, "float"): _float,
    (Kind.NUMBER, "decimal"): _decimal,
    (Kind.NUMBER, "text"): lambda value: wire(str(value).encode()),
    (Kind.BOOLEAN, "boolean"): lambda value: _TRUE if value else _FALSE,
    (Kind.ANY, "text"): _any,
}
