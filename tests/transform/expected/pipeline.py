"""The pipeline as data: each change and how long it took, each load and what it brought."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from transform.expected.rows import Row, seconds
from transform.raw_loads import StreamLoad

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from transform.mongo_feed import Change

_QUARANTINE = "__rejected"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def changes(happened: Iterable[Change]) -> list[Row]:
    """One row per change event."""
    return [
        {
            "collection": change.collection,
            "change_id": change.change_id,
            "document_id": change.document_id,
            "operation_type": change.operation,
            "changed_at": change.changed_at,
            "loaded_at": change.loaded_at,
            "seconds_to_load": seconds(change.changed_at, change.loaded_at),
        }
        for change in happened
    ]


def loads(feeds: Mapping[str, Iterable[StreamLoad]]) -> Iterator[Row]:
    """One row per run and stream of a feed, its quarantine counted with it."""
    for feed, every in feeds.items():
        by_stream = {(load.run_id, load.stream): load for load in every}
        for (run, stream), load in by_stream.items():
            base = stream.removesuffix(_QUARANTINE)
            if base == stream:
                refused = by_stream.get((run, stream + _QUARANTINE))
                yield _load(feed, load, refused.rows_in if refused else 0)
            elif (run, base) not in by_stream:
                nothing = StreamLoad(run, base, load.started_at, finished_at=load.finished_at)
                yield _load(feed, nothing, load.rows_in)


def _load(feed: str, load: StreamLoad, refused: int) -> Row:
    finished_at, newest = load.finished_at, load.last_lsn
    aged = finished_at is not None and newest is not None
    newest_at = _EPOCH + timedelta(microseconds=newest or 0)
    return {
        "feed": feed,
        "run_id": load.run_id,
        "stream_name": load.stream,
        **{
            f"rows_{count}": getattr(load, f"rows_{count}")
            for count in ("in", "inserted", "updated", "deleted", "stale")
        },
        "rows_rejected": load.rows_rejected + refused,
        "load_seconds": seconds(load.started_at, finished_at) if finished_at else None,
        "data_age_seconds": seconds(newest_at, finished_at) if finished_at and aged else None,
        "started_at": load.started_at,
        "finished_at": finished_at,
    }
