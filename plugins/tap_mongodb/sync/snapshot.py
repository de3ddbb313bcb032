"""Reading whole collections, in chunks between which changes can be caught up with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_mongodb.identity import id_from_json, id_to_json
from tap_mongodb.state import Bookmark

if TYPE_CHECKING:
    from tap_mongodb.client import Source
    from tap_mongodb.settings import Settings
    from tap_mongodb.state import Cursor
    from tap_mongodb.sync.journal import Journal
    from tap_mongodb.sync.track import Follower


def fresh_bookmark(
    source: Source, settings: Settings, cursor: Cursor, *, uuid: str = "", above: int = 0
) -> Bookmark:
    """Return the bookmark of a stream of which nothing has been read.

    Its version is newer than ``above``. Without snapshots it counts as read, from the cursor on.
    """
    skips = settings.is_changelog or settings.snapshot_mode == "no_data"
    started_at = cursor.time if skips else source.clock()
    version = max(cursor.lsn_of(started_at), above + 1)
    return Bookmark(cursor.epoch, version, started_at, done=skips, uuid=uuid)


def read_chunk(
    source: Source, settings: Settings, journal: Journal, cursor: Cursor, follower: Follower
) -> None:
    """Read the next chunk of a stream's collection; with the last one, its version is valid.

    Raises:
        StopRun: the run is to end.
    """
    bookmark = follower.bookmark
    after = None if bookmark.last_id is None else id_from_json(bookmark.last_id)
    # Taken before the documents are asked for. Taken after them, a change made between the reading
    # and the answer would be older than the row that does not have it yet, and be refused.
    lsn = cursor.lsn_of(source.clock())
    bookmark.lsn = max(bookmark.lsn, lsn)
    cursor.lsn = max(cursor.lsn, lsn)
    count = 0
    document = b""
    for document in source.read(follower.collection, after, settings.snapshot_chunk_size):
        follower.sink.upsert(document, lsn, bookmark.version)
        count += 1
        journal.count()
        if journal.is_due:
            _reach(bookmark, document)
            journal.safe_point()
    follower.counts["snapshot"] += count
    if count:
        _reach(bookmark, document)
    if count < settings.snapshot_chunk_size:
        bookmark.done = True
        follower.sink.activate(bookmark.version, "resnapshot")
        journal.count()
    journal.safe_point()


def _reach(bookmark: Bookmark, document: bytes) -> None:
    bookmark.last_id = id_to_json(document)
