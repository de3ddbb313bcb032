"""Documents made since the run before, by the time in their ids: MeltanoLabs' INCREMENTAL streams.

Neither changes nor deletes are seen, and no ids but ObjectIds. Records and bookmarks are theirs.
"""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import bson
from bson import ObjectId

from singer_kit.errors import ConfigError
from tap_mongodb.identity import id_of

if TYPE_CHECKING:
    from tap_mongodb.client import Source
    from tap_mongodb.settings import Settings
    from tap_mongodb.streams import EventStream
    from tap_mongodb.sync.journal import Journal

METHOD = "INCREMENTAL"
KEY = "replication_key"
_POSITION = re.compile(r"(\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d\+00:00)?)(?:\|([0-9a-f]{24}))?")


def read_new(
    source: Source,
    settings: Settings,
    journal: Journal,
    stream: EventStream,
    bookmarks: dict[str, Any],
) -> None:
    """Write a record of each document behind the stream's bookmark, and move that along.

    Args:
        source: the database.
        settings: the tap's.
        journal: says when a bookmark is to be written.
        stream: where the records go; it knows its collection.
        bookmarks: the state's, changed in place.

    Raises:
        ConfigError: the bookmark is no position in ids.
        StopRun: the run is to end.
    """
    mark = bookmarks.get(stream.name)
    said = mark.get("replication_key_value") if isinstance(mark, dict) else None
    last = _position(stream.name, said or settings.start_date)
    after = bson.encode({"_id": last})
    with closing(source.read(stream.collection, after, settings.snapshot_chunk_size)) as documents:
        for document in documents:
            id_ = bson.decode(id_of(document))["_id"]
            if not isinstance(id_, ObjectId):
                # Ids of further types follow in the order of all ids.
                break
            stream.append_document(document)
            bookmarks[stream.name] = {"replication_key": KEY, "replication_key_value": said_of(id_)}
            journal.count()
            if journal.is_due:
                journal.safe_point()
    journal.safe_point()


def said_of(id_: ObjectId) -> str:
    """Return a position as bookmarks have it: the id's time, and the id."""
    return f"{id_.generation_time.isoformat()}|{id_}"


def _position(name: str, said: object) -> ObjectId:
    found = _POSITION.fullmatch(said) if isinstance(said, str) else None
    if found is None:
        raise ConfigError(
            f"stream {name!r}: its bookmark is no position of replication method INCREMENTAL; "
            "choose LOG_BASED again, or take the bookmark away"
        )
    if found[2]:
        return ObjectId(found[2])
    return ObjectId.from_datetime(datetime.fromisoformat(found[1]).replace(tzinfo=UTC))
