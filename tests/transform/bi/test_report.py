"""The report over a real warehouse: its metrics are what a plain calculation gives."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from mixtape.report import facts, health
from mixtape.report.health import State
from transform import expected
from transform.expected.rows import counted, difference

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.fix_chromium import OpenWindow
    from transform.expected import Rows
    from transform.growing import Growing

METRICS = {
    "metric_plays": "plays",
    "metric_active_artists": "active_artists",
    "metric_songs_released": "songs_released",
    "metric_meetup_attendance_rate": "attendance",
    "metric_load_lag_p95": "load_lag",
}


@pytest.fixture(scope="module")
def found(bi_reader_uri: str) -> facts.Facts:
    """What the report reads of the published warehouse."""
    with facts.connect({"BI_READER_URI": bi_reader_uri}) as connection:
        return facts.read(connection)


@pytest.fixture(scope="module")
def calculated(published: Growing) -> dict[str, Rows]:
    """Every public model's rows as Python has them."""
    return expected.marts(published.told())


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_equals_the_calculation_over_both_feeds(
    found: facts.Facts, calculated: dict[str, Rows], metric: str
) -> None:
    wanted = calculated[f"marts.{metric}"]
    shown = counted(asdict(row) for row in getattr(found, METRICS[metric]))
    assert difference(shown, wanted) == ([], [])
    assert wanted.total() > 0


def test_loads_are_summed_by_stream(found: facts.Facts, calculated: dict[str, Rows]) -> None:
    loads = [dict(row) for row in calculated["marts.fct_loads"].elements()]
    for name in ("rows_in", "rows_inserted", "rows_updated", "rows_deleted", "rows_rejected"):
        sums: dict[tuple[str, str], int] = {}
        for load in loads:
            key = (load["feed"], load["stream_name"])
            sums[key] = sums.get(key, 0) + load[name]
        shown = {(each.feed, each.stream_name): getattr(each, name) for each in found.streams}
        assert shown == sums
        days = sum(getattr(each, name) for each in found.loaded_days if hasattr(each, name))
        assert days in (0, sum(sums.values()))


def test_the_totals_agree_with_the_loads(found: facts.Facts) -> None:
    assert found.streams
    assert [each for each in health.reconciled(found) if each.state is State.ERROR] == []
    assert [each.stream_name for each in found.streams if not health.adds_up(each)] == []


def test_the_page_says_it_and_names_nobody(
    published: Growing, calculated: dict[str, Rows], open_window: OpenWindow, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mixtape", "report", "--out", str(tmp_path)],
        env={**os.environ, **published.warehouse.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    page = open_window().new_page()
    page.goto((tmp_path / "report.html").as_uri())
    plays = sum(dict(row)["plays"] for row in calculated["marts.metric_plays"].elements())
    tile = page.locator(".tiles > div", has=page.get_by_text("Plays", exact=True))
    expect(tile).to_contain_text(f"{plays:,}")
    page.screenshot(path=tmp_path / "report.png", full_page=True)
    text = page.content()
    names = {
        str(dict(row)[column])
        for model, column in (
            ("restricted.dim_attendees", "attendee_hash"),
            ("marts.fct_registrations", "registration_id"),
            ("marts.dim_lyrics", "title"),
            ("marts.dim_artists", "name"),
        )
        for row in calculated[model]
    }
    assert len(names) > 20
    assert [name for name in names if len(name) > 4 and name in text] == []
