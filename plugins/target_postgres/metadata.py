"""Singer's metadata columns: their names, their types, and where each value comes from."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from target_postgres.columns import Column, SqlType, column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_postgres.identifiers import IdentifierCase

LSN = "_sdc_lsn"
DELETED_AT = "_sdc_deleted_at"
BATCHED_AT = "_sdc_batched_at"
TABLE_VERSION = "_sdc_table_version"

MESSAGE_COLUMNS = ("_sdc_extracted_at", TABLE_VERSION)
"""Taken from the RECORD message around the record, in the order in which they are written."""

MESSAGE_TYPES: tuple[Any, ...] = (
    dt.datetime,
    Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
)
"""What a message must hold for :data:`MESSAGE_COLUMNS`, if it holds it."""

BLOCK_COLUMNS = ("_sdc_received_at", BATCHED_AT, "_sdc_sequence")
"""The same for all rows that were read at once, in the order in which they are written."""

RUN_COLUMNS = {"_sdc_extracted_at", *BLOCK_COLUMNS}
"""They say when a run came by, and nothing of what it brought."""

SOURCE = ("_sdc_source_bucket", "_sdc_source_file", "_sdc_source_lineno")
"""Where a record was read, if its tap says so."""

LINEAGE = (*SOURCE, "_sdc_source_etag", "_sdc_source_last_modified")

_TIMESTAMP = {"type": ["string", "null"], "format": "date-time"}
_BIGINT = {"type": ["integer", "null"]}
_OWN = {*MESSAGE_COLUMNS, *BLOCK_COLUMNS}


def record_columns(
    properties: Mapping[str, dict[str, Any]],
    keys: Sequence[str],
    case: IdentifierCase,
    *,
    with_metadata: bool,
) -> list[Column]:
    """Return the columns whose values come from the record, in the schema's order.

    With metadata the loader's own columns are left out, whatever the schema says of them, and
    ``_sdc_deleted_at`` is there: a record may carry it without declaring it.
    """
    found = [
        column(name, schema, case)
        for name, schema in properties.items()
        if not (with_metadata and name in _OWN)
    ]
    if with_metadata and DELETED_AT not in properties:
        found.append(column(DELETED_AT, _TIMESTAMP))
    return [one.as_key() if one.property_name in keys else one for one in found]


def loader_columns() -> list[Column]:
    """Return the columns that the loader fills itself."""
    bigints = {TABLE_VERSION, "_sdc_sequence"}
    names = ("_sdc_extracted_at", *BLOCK_COLUMNS, TABLE_VERSION)
    return [column(name, _BIGINT if name in bigints else _TIMESTAMP) for name in names]


def stamp(received_at: dt.datetime, batched_at: dt.datetime) -> bytes:
    """Return the fields of :data:`BLOCK_COLUMNS` as COPY text.

    The sequence is the time of receipt in milliseconds, as in the SDK.
    """
    milliseconds = int(received_at.timestamp() * 1000)
    return f"{received_at.isoformat()}\t{batched_at.isoformat()}\t{milliseconds}".encode()


def is_version(one: Column) -> bool:
    """Tell whether a column orders the versions of a row."""
    return one.name == LSN and one.sql_type in (SqlType.BIGINT, SqlType.INTEGER)
