"""The raw tables around the models: what tap and target add to each record, and their own tables.

docs/interfaces.md says who writes each column, and when.
"""

from dataclasses import dataclass

from rap_model.projections.kinds import Column, columns
from rap_model.streams import STREAMS


def _column(name: str, kind: str, description: str, *, nullable: bool = True) -> Column:
    return Column(name, kind, nullable, description)


_LSN = _column(
    "_sdc_lsn",
    "bigint",
    "Version of the row at its source: microseconds since the epoch, UTC, at which the store's "
    "clock stood when this etag was first listed.",
)
_FILE = (
    _column(
        "_sdc_source_bucket",
        "text",
        "Bucket the file lies in, or the name of the local root folder.",
        nullable=False,
    ),
    _column(
        "_sdc_source_file", "text", "Object key of the file, within its bucket.", nullable=False
    ),
    _column("_sdc_source_lineno", "bigint", "Line on which the document begins, from 1."),
    _column("_sdc_source_etag", "text", "Etag of the version of the file that was read."),
    _column("_sdc_source_last_modified", "time", "When that version was stored, UTC."),
)
_SINGER = (
    _column("_sdc_extracted_at", "time", "When the tap read the record, UTC."),
    _column("_sdc_received_at", "time", "When the target received the record, UTC."),
    _column("_sdc_batched_at", "time", "When the target put the record into a batch, UTC."),
    _column(
        "_sdc_deleted_at",
        "time",
        "When the record was seen to be gone, UTC; null while it is there.",
    ),
    _column("_sdc_sequence", "bigint", "Time of receipt in milliseconds since the epoch, UTC."),
    _column("_sdc_table_version", "bigint", "Singer's version of the whole table, if it has one."),
)
_EXTRA = _column(
    "_sdc_extra",
    "object",
    "Fields of the document that the model does not know, by path; null when there are none.",
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the loader's schema."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    stream: bool = False
    """Whether it holds records of a model, so that its age says how fresh the data is."""


def tables() -> list[Table]:
    """Return the tables that rap files are loaded into, streams first."""
    streams = [stream for stream in STREAMS if stream.in_files]
    return [
        *(
            Table(
                stream.name,
                f"One row for each file and {stream.grain}, as the file states it. Holds rows of "
                "older versions of a file too; staging shows the current ones.",
                (*columns(stream.model), _EXTRA, *_FILE, _LSN, *_SINGER),
                ("_sdc_source_file", *stream.key),
                stream=True,
            )
            for stream in streams
        ),
        *(_rejected(stream.name) for stream in streams if not stream.exploded),
        _FILES,
        _LOADS,
    ]


def _rejected(stream: str) -> Table:
    return Table(
        f"{stream}__rejected",
        f"One row for each fault of a file or document that was kept out of {stream}.",
        (
            _column(
                "source_key",
                "text",
                "Where the document stands: bucket/key#line.",
                nullable=False,
            ),
            _column(
                "error_path",
                "text",
                "JSON path of the faulty field, such as $.credits[0].role; $ for the whole.",
                nullable=False,
            ),
            _column("error_code", "text", "Stable code of the fault.", nullable=False),
            _column("error_message", "text", "What was found and what would be right, one line."),
            _column(
                "payload", "object", "The rejected document. Restricted: it may hold full lyrics."
            ),
            _column("_sdc_rejected_at", "time", "When the document was rejected, UTC."),
            *_FILE,
            _LSN,
            *_SINGER,
        ),
        ("source_key", "error_path", "error_code"),
    )


_FILES = Table(
    "_files",
    "One row for each file ever listed, with the version that is current.",
    (
        _column("bucket", "text", "Bucket, or the name of the local root folder.", nullable=False),
        _column("key", "text", "Object key of the file, within its bucket.", nullable=False),
        _column(
            "etag",
            "text",
            "Etag of the current version: the newest that gave a record, or was empty without a "
            "fault. Null when no version could be read.",
        ),
        _column("seen_etag", "text", "Etag of the newest version that was listed."),
        _column("size", "bigint", "Size of the newest version, in bytes."),
        _column("last_modified", "time", "When the newest version was stored, UTC."),
        _column("seen_at", "time", "When the newest version was first listed, UTC."),
        _column(
            "deleted_at", "time", "When the file was seen to be gone, UTC; null while it is there."
        ),
        _column("rows", "bigint", "Records that the newest version gave."),
        _column("rejected", "bigint", "Documents of the newest version that were rejected."),
        _LSN,
        *_SINGER,
    ),
    ("bucket", "key"),
)
_LOADS = Table(
    "_sdc_loads",
    "One row for each run and stream, also when nothing came.",
    (
        _column(
            "run_id", "text", "Id of the run, the same as in its logs: a UUID.", nullable=False
        ),
        _column("stream", "text", "Stream that was loaded.", nullable=False),
        _column("rows_in", "bigint", "Records received."),
        _column("rows_inserted", "bigint", "Rows of the table that were added."),
        _column("rows_updated", "bigint", "Rows of the table that were changed."),
        _column("rows_deleted", "bigint", "Rows of the table that were marked or removed."),
        _column("rows_rejected", "bigint", "Records the target refused."),
        _column(
            "rows_stale",
            "bigint",
            "Records that the table held already, or held a newer version of.",
        ),
        _column("first_lsn", "bigint", "Least _sdc_lsn received: microseconds since the epoch."),
        _column("last_lsn", "bigint", "Greatest _sdc_lsn received: microseconds since the epoch."),
        _column("started_at", "time", "When the stream's load began, UTC."),
        _column(
            "finished_at", "time", "When the stream's last commit was made, UTC; null until then."
        ),
        _column("state", "object", "Singer state that this load made durable."),
    ),
    ("run_id", "stream"),
)
