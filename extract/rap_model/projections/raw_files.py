"""The raw tables of rap files out of object storage."""

from rap_model.projections.kinds import columns
from rap_model.projections.raw import (
    EXTRA,
    LOADS,
    SINGER,
    Feed,
    Freshness,
    Table,
    column,
    rejected,
)
from rap_model.streams import STREAMS

_LSN = column(
    "_sdc_lsn",
    "bigint",
    "Version of the row at its source: microseconds since the epoch, UTC, at which the store's "
    "clock stood when this etag was first listed.",
)
_FILE = (
    column(
        "_sdc_source_bucket",
        "text",
        "Bucket the file lies in, or the name of the local root folder.",
        nullable=False,
    ),
    column(
        "_sdc_source_file", "text", "Object key of the file, within its bucket.", nullable=False
    ),
    column("_sdc_source_lineno", "bigint", "Line on which the document begins, from 1."),
    column("_sdc_source_etag", "text", "Etag of the version of the file that was read."),
    column("_sdc_source_last_modified", "time", "When that version was stored, UTC."),
)
_FILES = Table(
    "_files",
    "One row for each file ever listed, with the version that is current.",
    (
        column("bucket", "text", "Bucket, or the name of the local root folder.", nullable=False),
        column("key", "text", "Object key of the file, within its bucket.", nullable=False),
        column(
            "etag",
            "text",
            "Etag of the current version: the newest that gave a record, or was empty without a "
            "fault. Null when no version could be read.",
        ),
        column("seen_etag", "text", "Etag of the newest version that was listed."),
        column("size", "bigint", "Size of the newest version, in bytes."),
        column("last_modified", "time", "When the newest version was stored, UTC."),
        column("seen_at", "time", "When the newest version was first listed, UTC."),
        column(
            "deleted_at", "time", "When the file was seen to be gone, UTC; null while it is there."
        ),
        column("rows", "bigint", "Records that the newest version gave."),
        column("rejected", "bigint", "Documents of the newest version that were rejected."),
        _LSN,
        *SINGER,
    ),
    ("bucket", "key"),
)


def feed() -> Feed:
    """Return the feed of rap files, tables of streams first."""
    streams = [stream for stream in STREAMS if stream.in_files]
    return Feed(
        "files",
        "raw_files",
        "Rap files out of object storage, loaded by target-postgres. A row is current while its "
        "file's current version, in _files, is the one it came from.",
        "tap-files, target-postgres",
        Freshness(warn_after=(2, "hour"), error_after=(6, "hour")),
        (
            *(
                Table(
                    stream.name,
                    f"One row for each file and {stream.grain}, as the file states it. Holds rows "
                    "of older versions of a file too; staging shows the current ones.",
                    (*columns(stream.model), EXTRA, *_FILE, _LSN, *SINGER),
                    ("_sdc_source_file", *stream.key),
                    stream=True,
                )
                for stream in streams
            ),
            *(
                rejected(stream.name, "bucket/key#line", *_FILE, _LSN)
                for stream in streams
                if not stream.exploded
            ),
            _FILES,
            LOADS,
        ),
    )
