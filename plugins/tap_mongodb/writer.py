"""Lines of records whose members are JSON already."""

from __future__ import annotations

from singer_kit.writer import FLUSH_BYTES, LineWriter


class MemberWriter(LineWriter):
    """A line writer that takes records as the bytes of their members."""

    def write_members(self, head: bytes, members: bytes, tail: bytes) -> None:
        """Buffer the line ``head + {members + tail``; ``tail`` closes record and message."""
        buffer = self._buffer
        buffer += head
        buffer += b"{"
        buffer += members
        buffer += tail
        if len(buffer) >= FLUSH_BYTES:
            self.flush()
