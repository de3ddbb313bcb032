"""Records that cannot go into their table, as rows of ``<stream>__rejected``.

The rows are those that a tap's own quarantine stream has, and go into the same table.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec

from target_postgres import metadata, places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_postgres.odd_lines import Fault

SUFFIX = "__rejected"
KEYS = ("source_key", "error_path", "error_code")

_VERSION_BITS = 64

_TEXT: dict[str, Any] = {"type": "string"}
_SOURCE = msgspec.json.Decoder(dict[str, msgspec.Raw])


def schema(source: dict[str, Any]) -> dict[str, Any]:
    """Return the quarantine's schema for a stream with the schema ``source``."""
    properties = source.get("properties", {})
    return {
        "properties": {
            "_sdc_rejected_at": {"type": "string", "format": "date-time"},
            "source_key": _TEXT,
            "error_path": _TEXT,
            "error_code": _TEXT,
            "error_message": _TEXT,
            "payload": {"type": ["object", "null"]},
            "record_key": {"type": ["array", "null"]},
            metadata.LSN: {"type": ["integer", "null"]},
            **{name: properties[name] for name in metadata.LINEAGE if name in properties},
        }
    }


def messages(
    faults: Sequence[Fault],
    stream: str,
    keys: Sequence[str],
    run_id: str,
    *,
    lineage: bool,
) -> list[bytes]:
    """Return RECORD messages for faults of ``stream``, in the quarantine's own stream.

    Its key and version mark the row of the table that it should have replaced. A record that says
    where it was read is named by that, another by its line in this run. Without ``lineage`` its
    fields are left out: they may be what is wrong with a record.
    """
    now = dt.datetime.now(dt.UTC)
    found = []
    for fault in faults:
        fields = _SOURCE.decode(fault.payload)
        source = [_scalar(fields.get(name)) for name in metadata.SOURCE]
        bucket, key, line = source
        known = None not in source
        record: dict[str, Any] = {
            "_sdc_rejected_at": now,
            "source_key": f"{bucket}/{key}#{line}"
            if known
            else f"{run_id}#{places.title(fault.line)}",
            "error_path": fault.path,
            "error_code": fault.code,
            "error_message": fault.message,
            "payload": msgspec.Raw(fault.payload),
            "record_key": _key(fields, keys),
            metadata.LSN: _version(fields),
        }
        if lineage:
            record |= {name: fields[name] for name in metadata.LINEAGE if name in fields}
        message = {"type": "RECORD", "stream": stream + SUFFIX, "record": record}
        found.append(msgspec.json.encode(message))
    return found


def _key(fields: dict[str, msgspec.Raw], keys: Sequence[str]) -> list[msgspec.Raw] | None:
    values = [fields[key] for key in keys if key in fields]
    return values if values and len(values) == len(keys) else None


def _version(fields: dict[str, msgspec.Raw]) -> int | None:
    """Return the record's version, if it has one that the column can hold."""
    found = _scalar(fields.get(metadata.LSN))
    return found if type(found) is int and found.bit_length() < _VERSION_BITS else None


def _scalar(raw: msgspec.Raw | None) -> str | int | None:
    if raw is None:
        return None
    value = msgspec.json.decode(raw)
    return value if isinstance(value, str | int) else None
