"""What is counted of the files."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mixtape.steps import insights

if TYPE_CHECKING:
    import pytest

    from mixtape.steps.run import Run
    from orchestrate.steps.conftest import Say


def _numbers(run: Run, stream: str, field: str) -> dict[str, Any]:
    rows = run.tables.select(
        "select metric, coalesce(to_jsonb(number), to_jsonb(moment)) from {insights}"
        " where (run_id, stream, field) = (%(run)s, %(stream)s, %(field)s)",
        {"run": run.id, "stream": stream, "field": field},
        insights="_run_insights",
    )
    return dict(rows)


def test_texts_times_and_numbers_are_counted_as_what_they_are(run: Run, say: Say) -> None:
    moments = [datetime(2026, 1, day, tzinfo=UTC).isoformat() for day in (3, 1, 2)]
    say(
        insights,
        artists=[
            {"artist_id": str(number), "name": "x" * number, "updated_at": moment}
            for number, moment in enumerate(moments, 1)
        ],
        plays=[
            {"play_id": "1", "seconds": 3, "is_live": True},
            {"play_id": "2", "seconds": -0.5, "is_live": True},
            {"play_id": "3", "seconds": None, "is_live": False},
        ],
    )
    insights.insights(run)
    assert _numbers(run, "artists", "") == {"records": 3}
    assert _numbers(run, "artists", "name") == {
        "nulls": 0,
        "distinct": 3,
        "mean_length": 2,
        "longest": 3,
    }
    changed = _numbers(run, "artists", "updated_at")
    assert (changed["first"][:10], changed["last"][:10]) == ("2026-01-01", "2026-01-03")
    assert _numbers(run, "plays", "seconds") == {
        "nulls": 1,
        "distinct": 2,
        "least": -0.5,
        "most": 3,
    }
    assert _numbers(run, "plays", "is_live") == {"nulls": 0, "distinct": 2}
    assert _numbers(run, "plays", "artist_id") == {"nulls": 3, "distinct": 0}


def test_distinct_values_are_counted_up_to_a_limit(
    run: Run, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(insights, "MOST_DISTINCT", 10)
    say(insights, plays=[{"play_id": str(number)} for number in range(50)])
    insights.insights(run)
    assert _numbers(run, "plays", "play_id")["distinct"] == 10
