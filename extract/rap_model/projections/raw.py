"""What the raw tables of both feeds have in common: Singer's columns, quarantines, loads.

docs/interfaces.md says who writes each column, and when.
"""

from dataclasses import dataclass

from rap_model.projections.kinds import Column


def column(name: str, kind: str, description: str, *, nullable: bool = True) -> Column:
    """Return a column that is not a field of a model."""
    return Column(name, kind, nullable, description)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the loader's schema."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    stream: bool = False
    """Whether it holds records of a model, so that its age says how fresh the data is."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long ago the last finished load of a feed may be."""

    warn_after: tuple[int, str]
    """A count, and minute, hour or day."""
    error_after: tuple[int, str]


@dataclass(frozen=True, slots=True)
class Feed:
    """A source of the warehouse: the tables that one tap is loaded into."""

    name: str
    schema: str
    description: str
    loader: str
    freshness: Freshness
    tables: tuple[Table, ...]


SINGER = (
    column("_sdc_extracted_at", "time", "When the tap read the record, UTC."),
    column("_sdc_received_at", "time", "When the target received the record, UTC."),
    column("_sdc_batched_at", "time", "When the target put the record into a batch, UTC."),
    column(
        "_sdc_deleted_at",
        "time",
        "When the record was seen to be gone, UTC; null while it is there.",
    ),
    column("_sdc_sequence", "bigint", "Time of receipt in milliseconds since the epoch, UTC."),
    column("_sdc_table_version", "bigint", "Singer's version of the whole table, if it has one."),
)
EXTRA = column(
    "_sdc_extra",
    "object",
    "Fields of the document that the model does not know, by path; null when there are none.",
)


def rejected(stream: str, source_key: str, *lineage: Column) -> Table:
    """Return a stream's quarantine.

    Args:
        stream: its name.
        source_key: what the faults' `source_key` is made of.
        lineage: columns that say where a fault was read, and its version.
    """
    return Table(
        f"{stream}__rejected",
        f"One row for each fault of a document that was kept out of {stream}.",
        (
            column(
                "source_key", "text", f"Where the document stands: {source_key}.", nullable=False
            ),
            column(
                "error_path",
                "text",
                "JSON path of the faulty field, such as $.credits[0].role; $ for the whole.",
                nullable=False,
            ),
            column("error_code", "text", "Stable code of the fault.", nullable=False),
            column("error_message", "text", "What was found and what would be right, one line."),
            column(
                "payload", "object", "The rejected document. Restricted: it may hold full lyrics."
            ),
            column("_sdc_rejected_at", "time", "When the document was rejected, UTC."),
            *lineage,
            *SINGER,
        ),
        ("source_key", "error_path", "error_code"),
    )


LOADS = Table(
    "_sdc_loads",
    "One row for each run and stream, also when nothing came.",
    (
        column("run_id", "text", "Id of the run, the same as in its logs: a UUID.", nullable=False),
        column("stream", "text", "Stream that was loaded.", nullable=False),
        column("rows_in", "bigint", "Records received."),
        column("rows_inserted", "bigint", "Rows of the table that were added."),
        column("rows_updated", "bigint", "Rows of the table that were changed."),
        column("rows_deleted", "bigint", "Rows of the table that were marked or removed."),
        column("rows_rejected", "bigint", "Records the target refused."),
        column(
            "rows_stale",
            "bigint",
            "Records that the table held already, or held a newer version of.",
        ),
        column("first_lsn", "bigint", "Least _sdc_lsn received: microseconds since the epoch."),
        column("last_lsn", "bigint", "Greatest _sdc_lsn received: microseconds since the epoch."),
        column("started_at", "time", "When the stream's load began, UTC."),
        column(
            "finished_at", "time", "When the stream's last commit was made, UTC; null until then."
        ),
        column("state", "object", "Singer state that this load made durable."),
    ),
    ("run_id", "stream"),
)
