"""A million plays come to the same numbers, at once and ten thousand at a time."""

from __future__ import annotations

from itertools import chain
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from transform.expected import listening, metrics
from transform.expected.rows import counted, difference
from transform.growing import grown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixtures.fix_postgres import MakeDatabase
    from transform.growing import Growing
    from transform.rap_files import Record

pytestmark = pytest.mark.long

MANY, MORE = 1_000_000, 10_000
DAYS = 60


class Generated:
    """So many plays of some lyrics, made anew whenever they are asked for."""

    def __init__(self, lyrics: list[str], number: int, seed: int) -> None:
        self._lyrics = lyrics
        self._number = number
        self._seed = seed

    def values(self) -> Iterator[Record]:
        chance = Random(self._seed)
        for number in range(self._number):
            day = chance.randrange(DAYS)
            yield {
                "play_id": str(UUID(int=self._seed << 64 | number)),
                "lyric_id": chance.choice(self._lyrics),
                "artist_id": None,
                "played_at": f"2026-{7 + day // 30:02}-{1 + day % 30:02}"
                f"T{chance.randrange(24):02}:{chance.randrange(60):02}:00Z",
                "duration_ms": chance.choice([None, chance.randrange(400_000)]),
                "country": chance.choice([None, "DE", "KE", "JP"]),
                "client": "web",
            }


class Together:
    """Plays of several origins."""

    def __init__(self, *plays: Any) -> None:
        self._plays = plays

    def values(self) -> Iterator[Record]:
        return chain.from_iterable(each.values() for each in self._plays)


def test_a_million_plays_and_then_ten_thousand(
    make_database: MakeDatabase, project_root: Path, tmp_path: Path
) -> None:
    with grown(make_database, project_root, tmp_path) as growing:
        held = growing.feed.held.documents
        lyrics = sorted(held["lyrics"])
        known = {each.record["play_id"]: each.record for each in held["plays"].values()}
        many, more = Generated(lyrics, MANY, 1), Generated(lyrics, MORE, 2)
        for plays, number in ((many, MANY), (more, MORE)):
            with growing.feed.load() as load:
                load.copy("plays", plays.values())
            growing.warehouse.build()
            here = Together(known, many, *([more] if number == MORE else []))
            compare(growing, here)


def compare(growing: Growing, alive: Together) -> None:
    wanted = {
        "marts.fct_lyric_days": listening.lyric_days(alive),
        "marts.metric_plays": metrics.plays(alive),
    }
    for name, rows in wanted.items():
        found = counted(growing.warehouse.rows(name))
        assert difference(found, counted(rows)) == ([], []), name
    with growing.warehouse.connect("bi_reader") as reader:
        found_plays = reader.execute(
            "select count(*), sum(duration_ms), count(distinct play_id) from fct_plays"
        ).fetchone()
    listened = [play["duration_ms"] for play in alive.values()]
    milliseconds = sum(each for each in listened if each is not None)
    assert found_plays == (len(listened), milliseconds, len(listened))
