"""The raw tables of the live application's MongoDB: its collections, and each one's changes."""

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
from rap_model.streams import STREAMS, Stream

_LSN = column(
    "_sdc_lsn",
    "bigint",
    "Version of the row at its source, in microseconds since the epoch, UTC: the cluster time of "
    "the change, its increment counted as microseconds.",
)


def feed() -> Feed:
    """Return the feed of the application's collections, tables of streams first."""
    collections = [stream for stream in STREAMS if not stream.exploded]
    return Feed(
        "mongo",
        "raw_mongo",
        "The live application's MongoDB, followed by its change stream and loaded by "
        "target-postgres. A row is current while it is not deleted.",
        "tap-mongodb, target-postgres",
        Freshness(warn_after=(15, "minute"), error_after=(1, "hour")),
        (
            *map(_collection, collections),
            *map(_changes, collections),
            *(rejected(stream.name, "database.collection/_id", _LSN) for stream in collections),
            LOADS,
        ),
    )


def _collection(stream: Stream) -> Table:
    return Table(
        stream.name,
        f"One row for each document of collection {stream.name}, as it is now or was when it was "
        "deleted.",
        (
            column("_id", "text", "The document's _id, in a text of its own.", nullable=False),
            *columns(stream.model),
            EXTRA,
            _LSN,
            *SINGER,
        ),
        ("_id",),
        stream=True,
    )


def _changes(stream: Stream) -> Table:
    return Table(
        f"{stream.name}__changes",
        f"One row for each change event of collection {stream.name}, append only.",
        (
            column(
                "replication_key", "text", "The event's resume token, its identity.", nullable=False
            ),
            column("object_id", "text", "The changed document's _id."),
            column(
                "document",
                "object",
                "The document after the change, where the event or a look-up has it. Restricted.",
            ),
            column("operation_type", "text", "What happened: insert, update, replace, delete, …."),
            column("cluster_time", "time", "When it happened, UTC, to the second."),
            column("namespace", "object", "Database and collection."),
            column("to", "object", "Database and collection after a rename."),
            column("update_description", "object", "Fields that an update set and removed."),
            _LSN,
            *SINGER,
        ),
        ("replication_key",),
    )
