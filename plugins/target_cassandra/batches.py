"""Records between being read and being acknowledged: batches of a stream, checkpoints of all."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from target_cassandra.fixed import FixedRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_cassandra.codec import Decoded, Record, RecordCodec
    from target_cassandra.positions import Positions
    from target_cassandra.rejects import Fault
    from target_cassandra.rows import RowPlan
    from target_cassandra.statements import TableStatements
    from target_cassandra.versions import Versions


@dataclass(slots=True)
class Table:
    """A table of a stream, ready to be written."""

    plan: RowPlan
    statements: TableStatements
    positions: Positions | None
    """Where its rows stand, if they can move."""
    versions: Versions | None
    """Rows by Singer's version, if the table keeps it."""

    @property
    def name(self) -> str:
        """The table's name."""
        return self.plan.layout.spec.table


@dataclass(slots=True)
class Stream:
    """What is known of one stream while its SCHEMA holds."""

    name: str
    schema: dict[str, Any]
    codec: RecordCodec
    tables: list[Table]


@dataclass(slots=True)
class Progress:
    """One stream's run: what it has had so far."""

    rows_in: int = 0
    rejected: int = 0


@dataclass(slots=True)
class Batch:
    """Records of one stream that are acknowledged together."""

    stream: Stream
    fixed: list[FixedRows] = field(init=False)
    """What goes into tables whose rows never move."""
    records: list[Record] = field(default_factory=list)
    """Kept for tables whose rows may move, if the stream has any."""
    faults: list[Fault] = field(default_factory=list)
    rows: int = 0
    """Records received, valid or not."""
    deleted: int = 0
    """Deletions among the valid ones."""
    newest: int | None = None
    """The latest version among the valid ones, microseconds since the epoch."""
    activate: int | None = None
    """The version whose elders are gone once these are written."""
    sources: list[tuple[Sequence[int], bytes]] = field(default_factory=list)
    """The messages as they came, joined by line breaks, with the number of each."""

    def __post_init__(self) -> None:
        self.fixed = [
            FixedRows(table, number)
            for number, table in enumerate(self.stream.tables)
            if table.positions is None
        ]

    def add(self, decoded: Decoded, numbers: Sequence[int], block: bytes) -> None:
        """Take what lines gave; ``block`` holds them, joined by line breaks."""
        records = decoded.records
        self.sources.append((numbers, block))
        self.rows += len(numbers)
        self.faults += decoded.faults
        for fixed in self.fixed:
            fixed.add(records)
        if len(self.fixed) < len(self.stream.tables):
            self.records += records
        if records:
            self.deleted += sum([record.is_delete for record in records])
            newest = max([record.lsn for record in records])
            self.newest = newest if self.newest is None else max(self.newest, newest)

    def message(self, line: int) -> bytes:
        """Return the message of a line, for what is found wrong with it only when it is written."""
        for numbers, block in self.sources:
            at = bisect_left(numbers, line)
            if at < len(numbers) and numbers[at] == line:
                return block.split(b"\n")[at]
        raise LookupError(line)


@dataclass(slots=True)
class Checkpoint:
    """All records since the last checkpoint, and the STATE that holds once they are written."""

    state: dict[str, Any] | None
    batches: dict[str, Batch] = field(default_factory=dict)
    size: int = 0
    rows: int = 0
