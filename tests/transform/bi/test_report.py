"""The report over a real warehouse: the metrics are what a plain calculation gives."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from mixtape.report import facts, health
from mixtape.services.postgres import conninfo_uri
from rap_model import Lyric
from rap_model.authored import SUFFIXES, read

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.fix_chromium import OpenWindow
    from transform.bi.conftest import Published


@pytest.fixture(scope="module")
def found(published: Published) -> facts.Facts:
    """What the report reads of the published warehouse."""
    address = {"BI_READER_URI": conninfo_uri(published.uri, "bi_reader")}
    with facts.connect(address) as connection:
        return facts.read(connection)


def test_plays_are_counted_by_day(found: facts.Facts, published: Published) -> None:
    expected = Counter(at.date() for at in published.live.played)
    assert {each.played_on: each.plays for each in found.plays} == expected


def test_songs_are_counted_by_month_of_release(found: facts.Facts, project_root: Path) -> None:
    days = {
        lyric["lyric_id"]: lyric["released_date"]
        for path in sorted((project_root / "extract/raps/lyrics").iterdir())
        if path.suffix in SUFFIXES
        for lyric in (Lyric.read(each.content) for each in read(path))
    }
    expected = Counter(day[:7] for day in days.values() if day)
    assert {f"{each.month:%Y-%m}": each.songs_released for each in found.songs_released} == expected


def test_attendance_is_of_who_was_expected(found: facts.Facts, published: Published) -> None:
    came, expected = 2, 3
    assert Counter(published.live.statuses)["cancelled"] == len(published.live.statuses) - expected
    (month,) = [each for each in found.attendance if each.expected_count]
    assert (month.attended_count, month.expected_count) == (came, expected)
    assert month.meetup_attendance_rate == Decimal("0.6667")


def test_the_lag_is_the_95th_percentile(found: facts.Facts) -> None:
    # Of 1, 2, 3, 4, 40 seconds: four fifths of the way from the fourth to the fifth.
    (plays,) = found.load_lag
    assert (plays.collection, plays.change_count) == ("plays", 5)
    assert plays.load_lag_p95_seconds == Decimal("32.8")


def test_artists_are_active_in_every_month_of_their_releases(found: facts.Facts) -> None:
    active = {each.month: each.active_artists for each in found.active_artists}
    assert set(active) >= {each.month for each in found.songs_released}
    assert min(active.values()) >= 1


def test_the_totals_agree_with_the_loads(found: facts.Facts, published: Published) -> None:
    plays, *_ = health.reconciled(found)
    assert (plays.sources, plays.metric) == (len(published.live.played),) * 2
    assert {each.stream for each in found.streams if each.feed == "mongo"} == {
        "plays", "plays__changes", "registrations",
    }  # fmt: skip


def test_the_page_says_it(published: Published, open_window: OpenWindow, tmp_path: Path) -> None:
    done = published.mixtape("report", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    page = open_window().new_page()
    page.goto((tmp_path / "report.html").as_uri())
    plays = page.locator(".tiles > div", has=page.get_by_text("Plays", exact=True))
    expect(plays).to_contain_text(f"{len(published.live.played)} in the 30 days to")
    page.screenshot(path=tmp_path / "report.png", full_page=True)
    text = page.content()
    with published.connect("transformer") as connection:
        private = connection.execute(
            "select attendee_hash from restricted.dim_attendees"
            " union all select title from marts.dim_lyrics"
            " union all select name from marts.dim_artists"
            " union all select registration_id::text from marts.fct_registrations"
        ).fetchall()
    assert len(private) > 10
    assert [value for (value,) in private if len(value) > 3 and value in text] == []
