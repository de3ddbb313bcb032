"""What a run reports of itself, as METRIC lines in the SDK's form."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from singer_sdk import metrics

if TYPE_CHECKING:
    from tap_mongodb.streams import CollectionStream, MongoStream
    from tap_mongodb.sync.track import Track


class _Metric(StrEnum):
    LAG_SECONDS = "lag_seconds"
    ODD_VALUES = "odd_values"
    OPLOG_WINDOW_HOURS = "oplog_window_hours"
    RECORDS = metrics.Metric.RECORD_COUNT.value
    REJECTED = "records_rejected"
    ROWS = "rows"
    SECONDS = metrics.Metric.SYNC_DURATION.value


def oplog_window(hours: float) -> None:
    """Report how far back the server's history reaches."""
    _log("gauge", _Metric.OPLOG_WINDOW_HOURS, round(hours, 3))


def stream(made: MongoStream) -> None:
    """Report a stream's records."""
    _log("counter", _Metric.RECORDS, made.emitted, stream=made.name)


def documents(made: CollectionStream) -> None:
    """Report what a collection's documents had that is no plain JSON, or broke the contract."""
    _log("counter", _Metric.REJECTED, made.tally.rejected, stream=made.name)
    for kind, number in made.encoder.counts.items():
        _log("counter", _Metric.ODD_VALUES, number, stream=made.name, kind=kind)


def track(made: Track) -> None:
    """Report a change stream's lag in seconds, and the rows of its streams by operation."""
    behind = datetime.now(UTC).timestamp() - made.cursor.time.time
    _log("gauge", _Metric.LAG_SECONDS, round(behind, 3), collection=made.scope.collection)
    for follower in made.followers:
        for operation, rows in follower.counts.items():
            _log("counter", _Metric.ROWS, rows, stream=follower.name, operation=operation)


def run(seconds: float) -> None:
    """Report how long the run took."""
    _log("timer", _Metric.SECONDS, round(seconds, 3))


def _log(kind: str, metric: _Metric, value: float, /, **tags: Any) -> None:
    # A point asks of its metric nothing but a value; the SDK's type names its own list.
    point: metrics.Point[float] = metrics.Point(kind, metric, value, tags)  # type: ignore[arg-type]
    metrics.log(metrics.get_metrics_logger(), point)
