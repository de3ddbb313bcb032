"""Singer messages to standard output, in few large writes.

A record's line is made of bytes that are the same for many records and of one encoded object, so
that nothing is encoded twice and no message object is made for a record.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import Message

FLUSH_BYTES = 256 * 1024

encoder = msgspec.json.Encoder(decimal_format="number")
"""Writes a Decimal as the number it was read from, and an integer of any size."""


class LineWriter(GenericSingerWriter[bytes, Message]):
    """Buffers records; every other message is written at once, behind the records before it."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer = bytearray()

    def serialize_message(self, message: Message) -> bytes:
        """Return the message's line."""
        return encoder.encode(message.to_dict()) + b"\n"

    def write_message(self, message: Message) -> None:
        """Write a message that is no record, and all that is buffered before it."""
        self._buffer += self.serialize_message(message)
        self.flush()

    def write_record(self, head: bytes, record: dict[str, Any] | msgspec.Raw, tail: bytes) -> None:
        """Buffer the line ``head + record + tail``, where ``tail`` takes up after the last field.

        ``head`` ends where the record begins; ``tail`` begins with ``,`` or ``}``.
        """
        buffer = self._buffer
        _append(buffer, head, record, tail)
        if len(buffer) >= FLUSH_BYTES:
            self.flush()

    def write_line(self, message: dict[str, Any]) -> None:
        """Buffer a message that is an object already."""
        self._buffer += encoder.encode(message) + b"\n"

    def flush(self) -> None:
        """Hand everything buffered to the reader of standard output.

        Raises:
            BrokenPipeError: nobody reads any more.
        """
        buffer, self._buffer = self._buffer, bytearray()
        sys.stdout.flush()
        out = sys.stdout.buffer
        # With PYTHONUNBUFFERED this is the bare file, which a signal makes write only a part.
        left = memoryview(buffer)
        while left:
            left = left[out.write(left) :]
        out.flush()


def record_head(stream: str) -> bytes:
    """Return how a RECORD line of ``stream`` begins."""
    return b'{"type":"RECORD","stream":' + encoder.encode(stream) + b',"record":'


def encode_record(head: bytes, record: dict[str, Any] | msgspec.Raw, tail: bytes) -> bytearray:
    """Return the line that :meth:`LineWriter.write_record` would buffer."""
    line = bytearray()
    _append(line, head, record, tail)
    return line


def _append(
    buffer: bytearray, head: bytes, record: dict[str, Any] | msgspec.Raw, tail: bytes
) -> None:
    buffer += head
    if record:
        encoder.encode_into(record, buffer, -1)
        buffer.pop()
        buffer += tail
    else:
        buffer += b"{" + tail.removeprefix(b",")
