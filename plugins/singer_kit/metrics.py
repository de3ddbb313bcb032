"""Numbers about a run, as the SDK's METRIC lines on standard error."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, cast

from singer_sdk import metrics


class Measure(StrEnum):
    """What is measured beside the SDK's own metrics; the unit is in the name."""

    BYTES_READ = "bytes_read"
    FILES_READ = "files_read"
    LAG_SECONDS = "lag_seconds"
    RECORDS_DELETED = "records_deleted"
    RECORDS_REJECTED = "records_rejected"
    UNKNOWN_FIELDS = "unknown_fields"


def count(measure: Measure | metrics.Metric, value: float, **tags: Any) -> None:
    """Log how many there were."""
    _log("counter", measure, value, tags)


def gauge(measure: Measure, value: float, **tags: Any) -> None:
    """Log how much there is now."""
    _log("gauge", measure, value, tags)


def seconds(measure: metrics.Metric, value: float, **tags: Any) -> None:
    """Log how long something took."""
    _log("timer", measure, value, tags)


def _log(kind: str, measure: Measure | metrics.Metric, value: float, tags: dict[str, Any]) -> None:
    # A point asks of its metric nothing but a value; the SDK's type names its own list.
    point = metrics.Point(kind, cast("metrics.Metric", measure), value, tags)
    metrics.log(metrics.get_metrics_logger(), point)
