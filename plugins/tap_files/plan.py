"""What one source feeds: its streams, their quarantine, and which of them need a file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_files.stream_settings import SourceSettings
    from tap_files.streams import FileStream, RecordStream, RejectedStream


@dataclass(frozen=True)
class Plan:
    """The streams that are made of the same files."""

    source: SourceSettings
    streams: list[RecordStream]
    """In the order of the settings."""
    rejected: dict[str, RejectedStream]
    """Quarantine by the name of the stream whose documents it takes."""

    @cached_property
    def roots(self) -> list[RecordStream]:
        """Return the streams of whole documents."""
        return [stream for stream in self.streams if not stream.settings.explode]

    @cached_property
    def exploded(self) -> list[RecordStream]:
        """Return the streams of array elements; they come from the first root's records."""
        return [stream for stream in self.streams if stream.settings.explode]

    @cached_property
    def first(self) -> RecordStream:
        """Return the stream on which a file that cannot be read is rejected."""
        return (self.roots or self.streams)[0]

    def all(self) -> Iterator[FileStream]:
        """Yield every stream of the source."""
        yield from self.streams
        yield from self.rejected.values()
