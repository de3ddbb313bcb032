"""Where a reading in the order of ``_id`` goes on: by filters that every server answers alike.

MongoDB orders values of different types by type, in brackets, but compares only within one: a
filter ``{"_id": {"$gt": 5}}`` finds numbers alone. So what comes after an ``_id`` is the rest of
its own bracket, and then all brackets behind it.
"""

from __future__ import annotations

import math
from typing import Any

import bson
from bson.decimal128 import Decimal128
from bson.raw_bson import RawBSONDocument

# In MongoDB's order: the names that $type knows, and the types' numbers in BSON.
_BRACKETS: tuple[tuple[tuple[str, ...], bytes], ...] = (
    (("minKey",), b"\xff"),
    (("undefined", "null"), b"\x06\x0a"),
    (("double", "int", "long", "decimal"), b"\x01\x10\x12\x13"),
    (("string", "symbol"), b"\x02\x0e"),
    (("object",), b"\x03"),
    (("array",), b"\x04"),
    (("binData",), b"\x05"),
    (("objectId",), b"\x07"),
    (("bool",), b"\x08"),
    (("date",), b"\x09"),
    (("timestamp",), b"\x11"),
    (("regex",), b"\x0b"),
    (("dbPointer",), b"\x0c"),
    (("javascript",), b"\x0d"),
    (("javascriptWithScope",), b"\x0f"),
    (("maxKey",), b"\x7f"),
)
_SINGLE = b"\xff\x06\x0a\x7f"
"""Types of which a bracket has one value alone."""
_NUMBERS = b"\x01\x13"
_TYPE = 4
"""Where a document of one element says its type, behind its size."""
_NAME = slice(5, 9)


def filters_after(after: bytes | None) -> list[dict[str, Any]]:
    """Return filters that together, one after the other, find what follows.

    Args:
        after: a BSON document with the ``_id`` that was read last; None for a first reading.
    """
    if after is None:
        return [{}]
    kind = after[_TYPE]
    place = next(at for at, (_, kinds) in enumerate(_BRACKETS) if kind in kinds)
    behind = [name for names, _ in _BRACKETS[place + 1 :] for name in names]
    found: list[dict[str, Any]] = []
    if _is_nan(after):
        # NaN is the first of all numbers, and nothing is greater than it.
        found.append({"_id": {"$gte": -math.inf}})
    elif kind not in _SINGLE:
        # The value as it is stored: only its name changes, and is as long.
        operator = after[: _NAME.start] + b"$gt\x00" + after[_NAME.stop :]
        found.append({"_id": RawBSONDocument(operator)})
    if behind:
        found.append({"_id": {"$type": behind}})
    return found


def _is_nan(after: bytes) -> bool:
    if after[_TYPE] not in _NUMBERS:
        return False
    value = bson.decode(after)["_id"]
    return bool(value.to_decimal().is_nan() if isinstance(value, Decimal128) else math.isnan(value))
