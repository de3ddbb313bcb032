"""What a load reports of itself, as METRIC lines in the SDK's form."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from singer_sdk import metrics

if TYPE_CHECKING:
    from target_postgres.batches import Batch
    from target_postgres.merge import Counts


class _Metric(StrEnum):
    ROWS = "rows"
    BYTES = "bytes"
    SECONDS = metrics.Metric.BATCH_PROCESSING_TIME.value
    RECORDS = metrics.Metric.RECORD_COUNT.value


def batch(written: Batch, counts: Counts, seconds: float) -> None:
    """Report one committed batch: records, rows by what became of them, bytes and seconds."""
    stream = written.stream.name
    _log("counter", _Metric.RECORDS, written.rows, stream=stream)
    operations = {
        "inserted": counts.inserted,
        "updated": counts.updated,
        "deleted": counts.deleted,
        "stale": counts.stale,
        "rejected": counts.rejected,
    }
    for operation, rows in operations.items():
        if rows:
            _log("counter", _Metric.ROWS, rows, stream=stream, operation=operation)
    _log("counter", _Metric.BYTES, written.size, stream=stream)
    _log("timer", _Metric.SECONDS, round(seconds, 6), stream=stream)


def _log(kind: str, metric: _Metric, value: float, **tags: Any) -> None:
    point: metrics.Point[float] = metrics.Point(kind, metric, value, tags)  # type: ignore[arg-type]
    metrics.log(metrics.get_metrics_logger(), point)
