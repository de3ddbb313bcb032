"""The figures that are read first: played, released, active, attended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from mixtape.report import words

if TYPE_CHECKING:
    from mixtape.report.facts import Facts

DAYS = 30
_MONTHS_IN_YEAR = 12


@dataclass(frozen=True)
class Tile:
    """One figure that is read first."""

    title: str
    value: str
    note: str


def tiles(facts: Facts) -> list[Tile]:
    """Return the first figures, as far as there are rows for them."""
    return [_plays(facts), _songs(facts), _artists(facts), _attendance(facts)]


def _plays(facts: Facts) -> Tile:
    if not facts.plays:
        return Tile("Plays", "0", "none loaded yet")
    first = facts.plays[-1].played_on - timedelta(days=DAYS - 1)
    lately = sum(each.plays for each in facts.plays if each.played_on >= first)
    return Tile(
        "Plays",
        words.count(sum(each.plays for each in facts.plays)),
        f"{words.count(lately)} in the {DAYS} days to {facts.plays[-1].played_on:%-d %b %Y}",
    )


def _songs(facts: Facts) -> Tile:
    if not facts.songs_released:
        return Tile("Songs released", "0", "none loaded yet")
    year = facts.songs_released[-1].month_start.year
    lately = sum(
        each.songs_released for each in facts.songs_released if each.month_start.year == year
    )
    return Tile(
        "Songs released",
        words.count(sum(each.songs_released for each in facts.songs_released)),
        f"{words.count(lately)} in {year}, the newest year",
    )


def _artists(facts: Facts) -> Tile:
    if not facts.active_artists:
        return Tile("Active artists", "0", "none loaded yet")
    newest = facts.active_artists[-1]
    return Tile(
        "Active artists", words.count(newest.active_artists), f"in {newest.month_start:%B %Y}"
    )


def _attendance(facts: Facts) -> Tile:
    months = facts.attendance[-_MONTHS_IN_YEAR:]
    expected = sum(each.expected_count for each in months)
    if not expected:
        return Tile("Came to meetups", words.NOTHING, "nobody expected yet")
    attended = sum(each.attended_count for each in months)
    until = f"{months[-1].month_start:%B %Y}"
    return Tile(
        "Came to meetups",
        words.percent(attended, expected),
        f"{words.count(attended)} of {words.count(expected)} expected, {len(months)} "
        f"month{'s' if len(months) > 1 else ''} of meetups to {until}",
    )
