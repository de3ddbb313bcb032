"""Records that cannot be stored, as rows of ``<stream>__rejected``.

The rows are those that a tap's own quarantine stream has, and go into the same table.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from singer_kit import places
from target_cassandra.layout import REJECTED, REJECTED_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        **{name: {"type": "string"} for name in REJECTED_KEY},
        "_sdc_rejected_at": {"type": "string", "format": "date-time"},
        "error_message": {"type": "string"},
        "payload": {"type": ["object", "null"]},
    },
}
_LARGEST_PAYLOAD_BYTES = 1024 * 1024
"""What is larger than that is named, but not kept."""

_SOURCE = ("_sdc_source_bucket", "_sdc_source_file", "_sdc_source_lineno")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with one record."""

    line: int
    path: str
    """A JSON path; ``$`` is the record."""
    code: str
    message: str
    payload: bytes
    """The record, as JSON text."""


def messages(faults: Sequence[Fault], stream: str, run_id: str) -> list[bytes]:
    """Return RECORD messages for faults of ``stream``, in the quarantine's own stream.

    A record that says where it was read is named by that, another by its line in this run.
    """
    now = dt.datetime.now(dt.UTC)
    found = []
    for fault in faults:
        payload = msgspec.json.decode(fault.payload)
        fields = payload if isinstance(payload, dict) else {"raw": payload}
        bucket, key, line = (fields.get(name) for name in _SOURCE)
        is_known = None not in (bucket, key, line)
        said = fault.message
        if is_large := len(fault.payload) > _LARGEST_PAYLOAD_BYTES:
            said += f"; its payload of {len(fault.payload)} bytes is not kept"
        record = {
            "_sdc_rejected_at": now,
            "source_key": f"{bucket}/{key}#{line}"
            if is_known
            else f"{run_id}#{places.title(fault.line)}",
            "error_path": fault.path,
            "error_code": fault.code,
            "error_message": said,
            "payload": None if is_large else fields,
        }
        message = {"type": "RECORD", "stream": stream + REJECTED, "record": record}
        found.append(msgspec.json.encode(message))
    return found
