"""Parquet: rows in batches through pyarrow, as JSON values.

A Parquet file says at its end where everything is, so it waits in memory, above 8 MiB in a
temporary file. Columns are read a page at a time: memory does not grow with row groups.
"""

from __future__ import annotations

from decimal import Decimal
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from tap_files.formats.document import BadFileError, Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SPOOL_BYTES = 8 * 1024 * 1024
BATCH_ROWS = 1_000
PAGE_BUFFER_BYTES = 1024 * 1024

_AS_THEY_ARE = (
    pa.types.is_null,
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_float32,
    pa.types.is_float64,
    pa.types.is_decimal,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_date,
)
_CAST = {
    pa.types.is_timestamp: pa.timestamp("us", "UTC"),
    pa.types.is_time: pa.time64("us"),
    pa.types.is_float16: pa.float32(),
}


class _UnsupportedError(Exception):
    """A type has no JSON form."""


def read_parquet(chunks: Iterable[bytes]) -> Iterator[Document]:
    """Read one document a row, numbered from 1.

    Dates and times become ISO 8601 (to the microsecond; one without a zone is UTC), binary
    becomes base64, an infinite number or NaN becomes null.

    Raises:
        BadFileError: the file is no Parquet, has a column without a JSON form, or is broken
            from some row on.
    """
    with SpooledTemporaryFile(SPOOL_BYTES) as spool:
        for chunk in chunks:
            spool.write(chunk)
        if not spool.tell():
            return
        row = 1
        try:
            file = pq.ParquetFile(spool, buffer_size=PAGE_BUFFER_BYTES, pre_buffer=False)
            schema = _json_schema(file.schema_arrow)
            for batch in file.iter_batches(BATCH_ROWS):
                for value in _json_rows(batch.cast(schema, safe=False)):
                    yield Document(row, value)
                    row += 1
        except _UnsupportedError as error:
            raise BadFileError(1, "parquet_type", f"row 1: {error}") from None
        except (pa.ArrowException, OSError, ValueError) as error:
            said = " ".join(str(error).split())
            raise BadFileError(
                row, "parquet_invalid", f"row {row}: broken Parquet data: {said}"
            ) from None


def _json_rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Return rows as msgspec would write them, but for the digits of decimals."""
    rows: list[dict[str, Any]] = msgspec.to_builtins(
        batch.to_pylist(maps_as_pydicts="strict"), builtin_types=(Decimal,)
    )
    return rows


def _json_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema to which all values are cast before they become Python's.

    Raises:
        _UnsupportedError: a column has no JSON form, or no name of its own.
    """
    for name in schema.names:
        if schema.names.count(name) > 1:
            raise _UnsupportedError(f"two columns have the name {name!r}; rename one")
    return pa.schema([(field.name, _json_type(field.type, field.name)) for field in schema])


def _json_type(arrow: Any, where: str) -> Any:
    """Return the type that a column is cast to; ``where`` names it."""
    if any(is_so(arrow) for is_so in _AS_THEY_ARE) or isinstance(arrow, pa.UuidType):
        return arrow
    for is_so, other in _CAST.items():
        if is_so(arrow):
            return other
    if pa.types.is_dictionary(arrow):
        return _json_type(arrow.value_type, where)
    found = _nested_type(arrow, where)
    if found is None:
        raise _UnsupportedError(
            f"column {where!r} has the type {arrow}, which has no JSON form; cast it before the "
            "file is written"
        )
    return found


def _nested_type(arrow: Any, where: str) -> Any:
    types = pa.types
    if types.is_struct(arrow):
        return pa.struct([(f.name, _json_type(f.type, f"{where}.{f.name}")) for f in arrow])
    if types.is_list(arrow) or types.is_large_list(arrow) or types.is_fixed_size_list(arrow):
        return pa.list_(_json_type(arrow.value_type, f"{where}[]"))
    if types.is_map(arrow) and types.is_string(arrow.key_type):
        return pa.map_(pa.string(), _json_type(arrow.item_type, f"{where}{{}}"))
    return None
