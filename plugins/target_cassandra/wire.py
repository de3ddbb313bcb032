"""What goes over a connection, made at less cost than the driver's: a load is nearly all batches.

A batch is put together from entries, each made once: a prepared statement with its values, as
they stand in the frame. The classes stand where the driver asks for such: a connection class, and
a protocol handler.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from cassandra.io.libevreactor import LibevConnection
from cassandra.protocol import BatchMessage, ProtocolHandler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PROTOCOL = 4
"""Version 5 wraps each frame in checksums, made in Python: a third of the cost of a request."""

VOID = object()
"""The answer to a write that was done, and of which a server has nothing to say."""

_HEADER = struct.Struct(">BBhBi").pack
_SHORT = struct.Struct(">H").pack
_UNLOGGED = b"\x01"
_PREPARED = b"\x01"
_NO_FLAGS = b"\x00"
_RESULT = 8
_VOID = b"\x00\x00\x00\x01"
_WRITTEN_HEAD = bytes((0x80 | PROTOCOL, 0))
_WRITTEN_REST = bytes((_RESULT,)) + len(_VOID).to_bytes(4, "big") + _VOID
_WRITTEN_SIZE = len(_WRITTEN_HEAD) + 2 + len(_WRITTEN_REST)
"""A whole frame of :data:`VOID`: between its two parts is the number of the request."""


class Connection(LibevConnection):  # type: ignore[misc] # the driver has no types
    """A connection that sends at once what waits, where the driver's own cuts it at 4 KiB.

    Each piece is sent by a call that lets another thread run, and is waited for.
    """

    out_buffer_size = 1024 * 1024

    @property
    def _socket_writable(self) -> bool:
        """Whether requests are taken: what a full socket does not, waits; its amount is bounded."""
        return True

    @_socket_writable.setter
    def _socket_writable(self, value: bool) -> None:
        """Take no notice."""

    def push(self, data: bytes) -> None:
        """Have a frame sent; who sends is woken up for the first that waits, not for each."""
        with self._deque_lock:
            if self.deque:
                self.deque.append(data)
                return
        super().push(data)

    def handle_write(self, watcher: Any, revents: int, errno: int | None = None) -> None:
        """Join what waits, then send as the driver does."""
        with self._deque_lock:
            if len(self.deque) > 1:
                waiting = b"".join(self.deque)
                self.deque.clear()
                self.deque.append(waiting)
        super().handle_write(watcher, revents, errno)

    def process_io_buffer(self) -> None:
        """Take the answers that only say that it was written, then let the driver take the rest.

        They come by the dozen, and the driver copies what is behind each of them.
        """
        if self._current_frame is None and not self._is_checksumming_enabled:
            self._take_written()
        if self._iobuf.tell():
            super().process_io_buffer()

    def _take_written(self) -> None:
        received = self._iobuf.getvalue()
        done = []
        at = 0
        while received.startswith(_WRITTEN_HEAD, at) and received.startswith(_WRITTEN_REST, at + 4):
            number = int.from_bytes(received[at + 2 : at + 4], "big")
            waiting = self._requests.get(number)
            # Another kind of request, or one that is not waited for any more: the driver's affair.
            if waiting is None or waiting[1] is not decode or not self._requests.pop(number, None):
                break
            done.append(number)
            at += _WRITTEN_SIZE
            waiting[0](VOID)
        if done:
            self.msg_received = True
            self._iobuf.seek(at)
            self._io_buffer.reset_io_buffer()
            with self.lock:
                self.request_ids.extend(done)


class Protocol(ProtocolHandler):  # type: ignore[misc] # the driver has no types
    """Writes batches of entries; everything else is the driver's."""

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
        if type(msg) is BatchMessage:
            return frame(body(msg.queries, msg.consistency_level), stream_id)
        encoded: bytes = super().encode_message(
            msg, stream_id, protocol_version, compressor, allow_beta_protocol_version
        )
        return encoded


def begin(query_id: bytes, values: int) -> bytes:
    """Return what an entry begins with: the prepared statement, and how many values follow."""
    return _PREPARED + _SHORT(len(query_id)) + query_id + _SHORT(values)


def body(entries: Sequence[bytes], consistency_level: int) -> bytes:
    """Return an unlogged batch."""
    return b"".join(
        (_UNLOGGED, _SHORT(len(entries)), *entries, _SHORT(consistency_level), _NO_FLAGS)
    )


def frame(batch: bytes, stream_id: int) -> bytes:
    """Return a batch as it is sent."""
    return _HEADER(PROTOCOL, 0, stream_id, BatchMessage.opcode, len(batch)) + batch


def encode(
    batch: bytes,
    stream_id: int,
    protocol_version: int,  # noqa: ARG001 - what a connection gives its encoder
    **_: Any,
) -> bytes:
    """Return the frame of a batch's body, where a connection asks for an encoder."""
    return frame(batch, stream_id)


def decode(  # noqa: PLR0917 - what a connection gives its decoder
    protocol_version: int,
    user_type_map: Any,
    stream_id: int,
    flags: int,
    opcode: int,
    answer: bytes,
    *rest: Any,
) -> Any:
    """Return the answer to a batch: VOID, or the driver's message."""
    if opcode == _RESULT and answer == _VOID and not flags:
        return VOID
    return ProtocolHandler.decode_message(
        protocol_version, user_type_map, stream_id, flags, opcode, answer, *rest
    )
