"""The page in a real browser: its numbers, how it looks where, and that it is alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from mixtape.report import page as report
from mixtape.report.words import NOTHING

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from fixtures.fix_chromium import OpenWindow
    from orchestrate.report.public_marts import PublicMarts

CHARTS = (
    "Plays by day",
    "Plays by month",
    "Songs released by year",
    "Active artists by month",
    "Expected and attended at meetups",
    "Attendance rate by month",
    "Rows received by day",
    "Rows rejected by day",
    "From change to load, 95th percentile",
)
DESKTOP = {"viewport": {"width": 1200, "height": 900}}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {**DESKTOP, "color_scheme": "light"},
    "dark": {**DESKTOP, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 320, "height": 640}, "is_mobile": True},
}

# Every text on the page whose colour is too near to what is behind it (WCAG: 4.5 to 1), and every
# mark of a chart (3 to 1).
TOO_FAINT = """() => {
    const parts = (color) => color.match(/[0-9.]+/g).map(Number);
    const light = (color) => {
        const [r, g, b] = parts(color).slice(0, 3).map((value) => {
            const share = value / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        for (let each = element; each; each = each.parentElement) {
            const color = getComputedStyle(each).backgroundColor;
            if (color !== 'transparent' && (parts(color)[3] ?? 1) > 0) return color;
        }
    };
    const contrast = (element, color) => {
        const [a, b] = [light(color), light(behind(element))];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    };
    const faint = [];
    for (const element of document.querySelectorAll('body *')) {
        if (!element.checkVisibility()) continue;
        const style = getComputedStyle(element);
        const texts = [...element.childNodes].filter((node) => node.nodeType === 3);
        const says = texts.some((text) => text.data.trim());
        const color = element.closest('svg') ? style.fill : style.color;
        if (says && contrast(element, color) < 4.5) faint.push(element.textContent.trim());
        const mark = element.getAttribute('fill') ?? '';
        if (mark.startsWith('var(--series') && contrast(element, style.fill) < 3) faint.push(mark);
    }
    return [document.querySelectorAll('svg [fill^="var(--series"]').length, faint];
}"""


def tile(page: Page, title: str) -> str:
    """Return what a tile says."""
    return page.locator(".tiles > div", has=page.get_by_text(title, exact=True)).inner_text()


def figures(page: Page, title: str) -> list[list[str]]:
    """Return the rows of the table beside a chart."""
    chart = page.locator("figure", has=page.get_by_role("heading", name=title, exact=True))
    return [row.locator("th, td").all_text_contents() for row in chart.locator("tbody tr").all()]


@pytest.fixture
def shown(open_window: OpenWindow, filled_page: Path) -> Page:
    """The well filled report on a desk."""
    page = open_window(**DESKTOP).new_page()
    page.goto(filled_page.as_uri())
    return page


def test_the_page_is_one_file_that_asks_for_nothing_else(
    open_window: OpenWindow, filled_page: Path, tmp_path: Path
) -> None:
    page = open_window(**DESKTOP).new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(filled_page.as_uri(), wait_until="networkidle")
    for summary in page.locator("summary").all():
        summary.click()
    page.screenshot(path=tmp_path / "report.png", full_page=True)
    assert (asked, said) == ([filled_page.as_uri()], [])
    assert (tmp_path / "report.png").stat().st_size > 50_000
    # Not even a way out: no address but that of SVG's own namespace.
    assert set(re.findall(r"https?://[^\"' >]+", filled_page.read_text())) <= {
        "http://www.w3.org/2000/svg"
    }
    assert page.locator("script, iframe, img, link:not([rel=icon])").count() == 0


def test_the_first_figures_are_those_of_the_metrics(shown: Page, filled: PublicMarts) -> None:
    today = max(row["played_on"] for row in filled.rows["metric_plays"])
    lately = sum(
        row["plays"]
        for row in filled.rows["metric_plays"]
        if row["played_on"] > today - timedelta(days=30)
    )
    plays = tile(shown, "Plays")
    assert f"{filled.total('metric_plays', 'plays'):,}" in plays
    assert f"{lately:,} in the 30 days to" in plays
    assert f"\n{filled.total('metric_songs_released', 'songs_released'):,}\n" in tile(
        shown, "Songs released"
    )
    active = max(filled.rows["metric_active_artists"], key=lambda row: row["month_start"])
    assert f"\n{active['active_artists']}\n" in tile(shown, "Active artists")
    year = sorted(
        filled.rows["metric_meetup_attendance_rate"],
        key=lambda row: row["month_start"],
        reverse=True,
    )[:12]
    attended = sum(row["attended_count"] for row in year)
    expected = sum(row["expected_count"] for row in year)
    came = tile(shown, "Came to meetups")
    assert f"{100 * attended / expected:.1f} %" in came
    assert f"{attended} of {expected} expected" in came


def test_each_chart_has_a_name_and_its_numbers_beside_it(shown: Page, filled: PublicMarts) -> None:
    assert [chart.get_attribute("aria-label") for chart in shown.get_by_role("img").all()] == list(
        CHARTS
    )
    by_day = {row["played_on"]: row["plays"] for row in filled.rows["metric_plays"]}
    newest = sorted(by_day, reverse=True)[:30]
    assert figures(shown, "Plays by day") == [
        [f"{day:%-d %b %Y}", f"{by_day[day]:,}"] for day in newest
    ]
    assert {row[2] for row in figures(shown, "Rows rejected by day")} == {"40", NOTHING}
    released: dict[int, int] = {}
    for row in filled.rows["metric_songs_released"]:
        year = row["month_start"].year
        released[year] = released.get(year, 0) + row["songs_released"]
    assert dict(figures(shown, "Songs released by year")) == {
        str(year): str(songs) for year, songs in released.items()
    }
    rates = {
        f"{row['month_start']:%b %Y}": f"{100 * row['meetup_attendance_rate']:.1f} %"
        for row in filled.rows["metric_meetup_attendance_rate"]
    }
    shown_rates = dict(figures(shown, "Attendance rate by month"))
    assert len(shown_rates) == 24
    assert shown_rates.items() <= rates.items()


def test_bars_are_as_high_as_their_numbers(shown: Page, filled: PublicMarts) -> None:
    chart = shown.get_by_role("img", name="Plays by day")
    bars = [bar.bounding_box() for bar in chart.locator('[fill^="var(--series"]').all()]
    heights = [bar["height"] for bar in bars if bar]
    plays = [
        row["plays"]
        for row in sorted(filled.rows["metric_plays"], key=lambda row: row["played_on"])[-30:]
    ]
    scale = heights[-1] / plays[-1]
    assert heights == pytest.approx([number * scale for number in plays], abs=1.5)


def test_the_streams_tell_what_came_and_that_it_adds_up(shown: Page, filled: PublicMarts) -> None:
    loads = [row for row in filled.rows["fct_loads"] if row["stream_name"] == "plays"]
    row = shown.locator("#streams tr", has_text="plays").locator("td").all_text_contents()
    sums = [
        sum(load[f"rows_{name}"] for load in loads)
        for name in ("in", "inserted", "updated", "deleted", "stale", "rejected")
    ]
    assert row[1:] == ["1 min 30 s", "35", *(f"{number:,}" for number in sums), "yes"]
    total = f"{filled.total('metric_plays', 'plays'):,}"
    plays = shown.locator("#reconciled tr", has_text="Plays").locator("td").all_text_contents()
    assert plays[:2] == [total, total]
    assert "equal" in plays[2]
    expect(shown.locator("#overall")).to_have_text("All is well.")


@pytest.mark.parametrize("look", LOOKS)
def test_it_can_be_read_and_fits(
    open_window: OpenWindow, filled_page: Path, tmp_path: Path, look: str
) -> None:
    page = open_window(**LOOKS[look]).new_page()
    page.goto(filled_page.as_uri())
    marks, faint = page.evaluate(TOO_FAINT)
    assert marks > 200
    assert faint == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.screenshot(path=tmp_path / f"{look}.png", full_page=True)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 19, 15)"
    assert dark == (look == "dark")


def test_it_prints_on_white_also_for_who_reads_in_the_dark(
    open_window: OpenWindow, filled_page: Path
) -> None:
    page = open_window(**LOOKS["dark"]).new_page()
    page.goto(filled_page.as_uri())
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(TOO_FAINT)[1] == []
    expect(page.locator("details").first).to_be_hidden()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF-")


def test_an_empty_warehouse_says_so(open_window: OpenWindow, marts: PublicMarts) -> None:
    page = open_window(**DESKTOP).new_page()
    page.set_content(report.html(marts.facts()))
    expect(page.locator("#overall")).to_have_text("Nothing was loaded yet.")
    assert page.locator("svg, #streams, #reconciled").count() == 0
    assert page.get_by_text("Nothing yet").count() == len(CHARTS)
    assert tile(page, "Plays") == "Plays\n0\nnone loaded yet"


def test_a_warehouse_of_one_day_shows_that_day(open_window: OpenWindow, marts: PublicMarts) -> None:
    today = datetime.now(UTC).date()
    marts.put("metric_plays", {"played_on": today, "plays": 3})
    marts.load("mongo", "plays", timedelta(minutes=3), **{"in": 3}, inserted=3)
    page = open_window(**DESKTOP).new_page()
    page.set_content(report.html(marts.facts()))
    expect(page.locator("#overall")).to_have_text("All is well.")
    chart = page.get_by_role("img", name="Plays by day")
    assert chart.locator('[fill^="var(--series"]').count() == 1
    # Whole plays alone are on the axis.
    assert [text for text in chart.locator("text").all_text_contents() if text.isdigit()] == [
        "0", "1", "2", "3",
    ]  # fmt: skip
    assert figures(page, "Rows received by day") == [[f"{today:%-d %b %Y}", NOTHING, "3"]]


def test_no_id_of_anything_is_on_the_page(filled_page: Path) -> None:
    text = re.sub(r"<svg.*?</svg>|<style>.*?</style>", "", filled_page.read_text(), flags=re.DOTALL)
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}|[0-9a-f]{32}|run-\d|\S@\S", text)
