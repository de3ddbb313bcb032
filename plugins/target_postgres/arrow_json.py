"""Arrow columns as JSON lines, made a whole column at a time.

What comes out is what a tap would have written of the same rows, so that rows of a Parquet file
go the way of all others: one validation, one quarantine, one way into the table. A missing value
is a null: Arrow does not know of absent properties.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]  # has no types
import pyarrow.compute as pc  # type: ignore[import-untyped]  # has no types

if TYPE_CHECKING:
    from collections.abc import Sequence

_CONTROL = "[\x00-\x1f]"
_WRITTEN_ALIKE = (
    pa.types.is_null,
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_decimal,
)
_FREQUENT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def json_lines(batch: pa.RecordBatch) -> bytes:
    """Return the rows as JSON objects, joined by line breaks."""
    rows = _object(batch.schema.names, batch.columns, len(batch))
    whole = pa.ListArray.from_arrays(pa.array([0, len(rows)], pa.int32()), rows)
    line: str = pc.binary_join(whole, "\n")[0].as_py()
    return line.encode()


def _json(array: Any) -> Any:
    """Return the JSON text of each value, none of them null."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _json(array.dictionary_decode())
    if pa.types.is_struct(kind):
        names = [kind.field(number).name for number in range(kind.num_fields)]
        text = _object(names, array.flatten(), len(array))
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        text = _around("[", _joined(array, _json(array.values)), "]")
    elif pa.types.is_map(kind) and pa.types.is_string(kind.key_type):
        members = pc.binary_join_element_wise(_json(array.keys), _json(array.items), ":")
        text = _around("{", _joined(array, members), "}")
    else:
        text = _scalar(array)
    return pc.if_else(array.is_valid(), text, "null")


def _scalar(array: Any) -> Any:
    kind = array.type
    if any(is_kind(kind) for is_kind in _WRITTEN_ALIKE):
        return array.cast(pa.string())
    if pa.types.is_floating(kind):
        text = array.cast(pa.string())
        for arrows, pythons in (("nan", "NaN"), ("inf", "Infinity"), ("-inf", "-Infinity")):
            text = pc.if_else(pc.equal(text, arrows), pythons, text)
        return text
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _around('"', _escaped(array.cast(pa.string())), '"')
    if pa.types.is_timestamp(kind):
        # Arrow keeps moments in UTC, whatever zone they are shown in.
        text = array.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.timestamp("us"))
        text = pc.replace_substring(text.cast(pa.string()), " ", "T")
        return _around('"', text, '"' if kind.tz is None else 'Z"')
    if pa.types.is_date(kind) or pa.types.is_time(kind):
        return _around('"', array.cast(pa.string()), '"')
    # Bytes, UUIDs and spans of time: Arrow has no text for them.
    return pa.array([msgspec.json.encode(one).decode() for one in array.to_pylist()], pa.string())


def _object(names: Sequence[str], columns: Sequence[Any], count: int) -> Any:
    if not names:
        return pa.array(["{}"] * count, pa.string())
    members = [
        _around(msgspec.json.encode(name).decode() + ":", _json(column), "")
        for name, column in zip(names, columns, strict=True)
    ]
    return _around("{", pc.binary_join_element_wise(*members, ","), "}")


def _joined(array: Any, parts: Any) -> Any:
    """Return for each list its parts' texts with commas between them."""
    return pc.binary_join(pa.ListArray.from_arrays(array.offsets.cast(pa.int32()), parts), ",")


def _around(before: str, text: Any, after: str) -> Any:
    return pc.binary_join_element_wise(before, text, after, "")


def _escaped(text: Any) -> Any:
    text = pc.replace_substring(text, "\\", "\\\\")
    text = pc.replace_substring(text, '"', '\\"')
    for letter, escape in _FREQUENT.items():
        text = pc.replace_substring(text, letter, escape)
    if pc.any(pc.match_substring_regex(text, _CONTROL)).as_py():
        for code in range(32):
            text = pc.replace_substring(text, chr(code), f"\\u{code:04x}")
    return text
