"""What the driver sends, made at less cost: a load is nearly nothing but batches.

Both classes stand where the driver asks for such: a connection class, and a protocol handler.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from cassandra.cluster import Cluster
from cassandra.protocol import BatchMessage, ProtocolHandler
from cassandra.query import UNSET_VALUE

if TYPE_CHECKING:
    from collections.abc import Callable

PROTOCOL = 4
"""Version 5 wraps each frame in checksums, made in Python: a third of the cost of a request."""

_HEADER = struct.Struct(">BBhBi").pack
_LENGTH = struct.Struct(">i").pack
_SHORT = struct.Struct(">H").pack
_UNLOGGED = b"\x01"
_PREPARED = b"\x01"
_NO_FLAGS = b"\x00"
_NULL = _LENGTH(-1)
_UNSET = _LENGTH(-2)


class Connection(Cluster.connection_class):  # type: ignore[misc] # the driver has no types
    """A connection that sends a batch at once, where the driver's own cuts at 4 KiB."""

    out_buffer_size = 128 * 1024


class Protocol(ProtocolHandler):  # type: ignore[misc] # the driver has no types
    """Writes unlogged batches of prepared statements; everything else is the driver's."""

    @classmethod
    def encode_message(
        cls,
        msg: Any,
        stream_id: int,
        protocol_version: int,
        compressor: Callable[[bytes], bytes] | None,
        allow_beta_protocol_version: bool,
    ) -> bytes:
        """Return a frame."""
        is_ours = type(msg) is BatchMessage and protocol_version == PROTOCOL
        if not is_ours or compressor or msg.tracing or msg.custom_payload:
            frame: bytes = super().encode_message(
                msg, stream_id, protocol_version, compressor, allow_beta_protocol_version
            )
            return frame
        parts = [_UNLOGGED, _SHORT(len(msg.queries))]
        for _, query_id, values in msg.queries:
            parts += (_PREPARED, _SHORT(len(query_id)), query_id, _SHORT(len(values)))
            for value in values:
                if value is None:
                    parts.append(_NULL)
                elif value is UNSET_VALUE:
                    parts.append(_UNSET)
                else:
                    parts += (_LENGTH(len(value)), value)
        parts += (_SHORT(msg.consistency_level), _NO_FLAGS)
        body = b"".join(parts)
        return _HEADER(PROTOCOL, 0, stream_id, BatchMessage.opcode, len(body)) + body
