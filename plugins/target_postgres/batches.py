"""Rows between being read and being committed: batches of a stream, and checkpoints of all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt

    from target_postgres.codec import Chunk, Encoded, RowCodec
    from target_postgres.deletes import Activation
    from target_postgres.merge import Merge
    from target_postgres.odd_lines import Fault
    from target_postgres.tables import Table


@dataclass(slots=True)
class Stream:
    """What is known of one stream while its SCHEMA holds."""

    name: str
    schema: dict[str, Any]
    keys: tuple[str, ...]
    table: Table
    codec: RowCodec
    merge: Merge


@dataclass(slots=True)
class Progress:
    """One stream's run: what it has had so far, whatever SCHEMA it came under."""

    started_at: dt.datetime
    rows_in: int = 0
    rejected: int = 0
    changed: int = 0
    """Rows of the table that were inserted, updated or deleted."""
    appends: bool = False
    """Whether the table was empty when the run came to it, and has had only new keys since."""
    failure: str | None = None
    """Why the stream's rows are no longer written, once they are not."""


@dataclass(slots=True)
class Batch:
    """Rows of one stream that are committed together."""

    stream: Stream
    started_at: dt.datetime
    before: dict[str, Any] | None = None
    """The last STATE before the first of these rows: it does not speak for them."""
    chunks: list[Chunk] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    rows: int = 0
    """Records received, valid or not."""
    size: int = 0
    """Bytes of COPY text."""
    deletes: int = 0
    first_lsn: int | None = None
    last_lsn: int | None = None
    activate: Activation | None = None
    """Which rows are gone once these are written."""

    def add(self, encoded: Encoded, records: int) -> None:
        """Take over what a block of ``records`` RECORD lines gave."""
        if encoded.chunk.data:
            self.chunks.append(encoded.chunk)
        self.faults += encoded.faults
        self.rows += records
        self.size += len(encoded.chunk.data) + sum(len(one.payload) for one in encoded.faults)
        self.deletes += encoded.deletes
        if encoded.lsns:
            low, high = min(encoded.lsns), max(encoded.lsns)
            self.first_lsn = low if self.first_lsn is None else min(self.first_lsn, low)
            self.last_lsn = high if self.last_lsn is None else max(self.last_lsn, high)


@dataclass(slots=True)
class Checkpoint:
    """Rows since the last checkpoint, and the STATE that holds once all before it are committed.

    These are the rows of all streams, or of one that has many while ``others`` go on waiting.
    """

    state: dict[str, Any] | None
    settled: dict[str, Any] | None = None
    """A STATE that speaks for none of these rows, only for those of checkpoints before."""
    batches: dict[str, Batch] = field(default_factory=dict)
    size: int = 0
    others: frozenset[str] = frozenset()
    """Streams with rows before ``state`` that are not in this checkpoint, and not committed."""
    whole: dict[str, Any] | None = None
    """The last STATE that speaks for none of the rows of ``others``."""
