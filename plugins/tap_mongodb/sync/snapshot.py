"""Reading whole collections, in chunks between which changes can be caught up with."""

from __future__ import annotations

from contextlib import closing
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


def read_on(
    source: Source,
    settings: Settings,
    journal: Journal,
    cursor: Cursor,
    follower: Follower,
    *,
    until: float,
) -> None:
    """Read on in a stream's collection until its end, or until the journal's clock says so.

    With its last document its version is valid.

    Raises:
        StopRun: the run is to end.
    """
    bookmark = follower.bookmark
    after = None if bookmark.last_id is None else id_from_json(bookmark.last_id)
    # Taken before the documents are asked for. Taken after them, a change made between the reading
    # and the answer would be older than the row that does not have it yet, and be refused. For what
    # comes with later answers it is only older than it need be.
    lsn = cursor.lsn_of(source.clock())
    bookmark.lsn = max(bookmark.lsn, lsn)
    cursor.lsn = max(cursor.lsn, lsn)
    size, count = settings.snapshot_chunk_size, 0
    try:
        with closing(source.read(follower.collection, after, size)) as documents:
            for document in documents:
                follower.sink.upsert(document, lsn, bookmark.version)
                count += 1
                journal.count()
                is_chunk = count % size == 0
                if is_chunk or journal.is_due:
                    bookmark.last_id = id_to_json(document)
                    journal.safe_point()
                    if is_chunk and journal.clock() >= until:
                        return
    finally:
        follower.counts["snapshot"] += count
    bookmark.done = True
    follower.sink.activate(bookmark.version, "resnapshot")
    journal.count()
    journal.safe_point()
