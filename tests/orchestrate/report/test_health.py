"""What the report takes for healthy, and what it says when something is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import yaml

from mixtape.report import health
from mixtape.report.health import State

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrate.report.public_marts import PublicMarts

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def found(marts: PublicMarts, title: str) -> health.Check:
    """Return the check of that title."""
    (check,) = [each for each in health.checks(marts.facts()) if each.title == title]
    return check


@pytest.mark.parametrize(
    ("feed", "ago", "state"),
    [
        ("files", 1.9 * HOUR, State.OK),
        ("files", 2.1 * HOUR, State.WARNING),
        ("files", 6.1 * HOUR, State.ERROR),
        ("mongo", 14 * MINUTE, State.OK),
        ("mongo", 20 * MINUTE, State.WARNING),
        ("mongo", 65 * MINUTE, State.ERROR),
    ],
)
def test_a_feed_may_be_silent_as_long_as_its_sources_may(
    marts: PublicMarts, feed: str, ago: timedelta, state: State
) -> None:
    marts.load(feed, "lyrics", ago)
    title = f"{health.FEEDS[feed].title}: last load"
    assert found(marts, title).state is state
    assert health.overall(health.checks(marts.facts())) is state


@pytest.mark.parametrize("feed", ["files", "mongo"])
def test_the_limits_are_those_of_the_sources_in_dbt(project_root: Path, feed: str) -> None:
    path = project_root / f"transform/models/staging/{feed}/_{feed}__sources.yml"
    (source,) = yaml.safe_load(path.read_text())["sources"]
    limits = {
        tuple(
            timedelta(**{f"{each['period']}s": each["count"]})
            for each in (freshness["warn_after"], freshness["error_after"])
        )
        for table in source["tables"]
        if (freshness := table.get("config", {}).get("freshness"))
    }
    of = health.FEEDS[feed]
    assert limits == {(of.warn_after, of.error_after)}


def test_a_feed_that_has_not_begun_is_waited_for(marts: PublicMarts) -> None:
    marts.load("files", "lyrics", MINUTE)
    assert found(marts, "Live application: last load").state is State.WAITING
    assert health.overall(health.checks(marts.facts())) is State.OK


def test_rejected_rows_are_told_by_stream_for_a_day(marts: PublicMarts) -> None:
    marts.load("files", "lyrics", HOUR, **{"in": 10}, inserted=8, rejected=2)
    marts.load("files", "artists", 25 * HOUR, **{"in": 5}, inserted=2, rejected=3)
    check = found(marts, "Rejected in the last 24 hours")
    assert (check.state, check.finding) == (State.WARNING, "2 rows: lyrics 2")


@pytest.mark.parametrize(
    ("seconds", "state"), [(900, State.OK), (901, State.WARNING), (3601, State.ERROR)]
)
def test_the_slowest_collection_of_the_newest_day_tells_the_lag(
    marts: PublicMarts, seconds: int, state: State
) -> None:
    today = datetime.now(UTC).date()
    for back, collection, lag in ((1, "lyrics", 9000), (0, "plays", seconds), (0, "lyrics", 1)):
        marts.put(
            "metric_load_lag_p95",
            {
                "loaded_on": today - timedelta(days=back),
                "collection": collection,
                "change_count": 1,
                "load_lag_p95_seconds": lag,
            },
        )
    check = found(marts, "From change to load, 95th percentile")
    assert check.state is state
    assert "(plays, on " in check.finding


def test_a_load_that_never_ended_is_found(marts: PublicMarts) -> None:
    started = datetime.now(UTC) - 1.5 * HOUR
    marts.load("files", "lyrics", 1.6 * HOUR)
    unfinished = {**marts.rows["fct_loads"][0], "run_id": "killed", "started_at": started}
    marts.put("fct_loads", {**unfinished, "finished_at": None, "load_seconds": None})
    check = found(marts, "Rap files: unfinished")
    assert (check.state, check.finding) == (
        State.WARNING,
        "the newest load has not ended: lyrics",
    )


def test_more_written_than_came_does_not_add_up(marts: PublicMarts) -> None:
    marts.load("files", "lyrics", MINUTE, **{"in": 3}, inserted=2, stale=2)
    check = found(marts, "Totals agree with the sources")
    assert (check.state, check.finding) == (
        State.ERROR,
        "more rows written than came: files.lyrics",
    )


@pytest.mark.parametrize(
    ("plays", "state", "finding"),
    [
        (7, State.OK, "equal"),
        (6, State.WARNING, "1 fewer than the sources hold"),
        # One that was deleted may have come back, as an update.
        (10, State.WARNING, "3 more than the sources hold"),
        (11, State.ERROR, "4 more than the sources hold"),
    ],
)
def test_plays_are_as_many_as_the_source_holds(
    marts: PublicMarts, plays: int, state: State, finding: str
) -> None:
    marts.load("mongo", "plays", 2 * HOUR, **{"in": 9}, inserted=9)
    marts.load("mongo", "plays", MINUTE, **{"in": 3}, deleted=2, updated=1)
    marts.put("metric_plays", {"played_on": datetime.now(UTC).date(), "plays": plays})
    compared = {each.what: each for each in health.reconciled(marts.facts())}["Plays"]
    assert (compared.sources, compared.metric) == (7, plays)
    assert (compared.state, compared.finding) == (state, finding)


def test_lyrics_of_both_feeds_bound_the_songs_released(marts: PublicMarts) -> None:
    marts.load("files", "lyrics", MINUTE, **{"in": 3}, inserted=3)
    marts.load("mongo", "lyrics", MINUTE, **{"in": 2}, inserted=2)
    month = datetime.now(UTC).date().replace(day=1)
    marts.put("metric_songs_released", {"month_start": month, "songs_released": 4})
    compared = {each.what: each for each in health.reconciled(marts.facts())}
    songs = compared["Songs released, of lyrics"]
    assert (songs.sources, songs.metric, songs.state) == (5, 4, State.OK)
