"""Whoever reads while builds run sees a whole warehouse, the last or the next, and no error."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from mixtape.services.postgres import conninfo_uri
from mixtape.warehouse import BuildError
from transform import broken

if TYPE_CHECKING:
    from transform.growing import Growing

# Marts that are moved and marts that are merged, each total twice; in another order each time.
TOTALS = (
    b"""
    select
        (select count(*) from fct_plays) as plays,
        (select sum(play_count) from fct_lyric_days) as plays_of_days,
        (select count(*) from fct_registrations inner join dim_meetups using (meetup_id)) as people,
        (select sum(registration_count) from fct_meetups) as people_of_meetups,
        (select count(*) from dim_lyrics) as lyrics,
        (select count(*) from fct_lyric_releases) as lyrics_released
    """,
    b"""
    select
        sum(days.play_count) filter (where true) as plays,
        (select count(*) from fct_plays) as plays_of_days,
        (select sum(registration_count) from fct_meetups) as people,
        (select count(*) from fct_registrations inner join dim_meetups using (meetup_id))
            as people_of_meetups,
        (select count(*) from fct_lyric_releases) as lyrics,
        (select count(*) from dim_lyrics) as lyrics_released
    from fct_lyric_days as days
    left join dim_lyrics using (lyric_id)
    left join dim_dates on days.played_on = dim_dates.date_day
    """,
)


class Reader(threading.Thread):
    """Somebody who asks for the same totals all the time."""

    def __init__(self, uri: str) -> None:
        super().__init__()
        self.uri = uri
        self.seen: list[tuple[Any, ...]] = []
        self.error: psycopg.Error | None = None
        self._done = threading.Event()

    def run(self) -> None:
        try:
            with psycopg.connect(self.uri, autocommit=True) as connection:
                while not self._done.is_set():
                    for totals in TOTALS:
                        self.seen += connection.execute(totals).fetchall()
        except psycopg.Error as error:
            self.error = error

    def stop(self) -> None:
        self._done.set()
        self.join()


@pytest.fixture
def readers(growing: Growing) -> list[Reader]:
    """Two at once, as BI."""
    uri = conninfo_uri(growing.warehouse.uri, "bi_reader")
    return [Reader(uri) for _ in range(2)]


def test_a_reader_sees_only_whole_warehouses_while_builds_succeed_and_fail(
    growing: Growing, readers: list[Reader]
) -> None:
    good = [totals(growing)]
    for reader in readers:
        reader.start()
    try:
        for number in range(2):
            with growing.feed.load() as load:
                growing.application.go_on(load, 20)
            growing.build()
            good.append(totals(growing))
            if number == 0:
                with broken.wrong_enum(growing), pytest.raises(BuildError):
                    growing.warehouse.build()
    finally:
        for reader in readers:
            reader.stop()
    for reader in readers:
        assert reader.error is None
        assert set(reader.seen) <= set(good)
        assert set(reader.seen) >= {good[0], good[-1]}
    assert all(seen[0::2] == seen[1::2] for seen in good)


def totals(growing: Growing) -> tuple[Any, ...]:
    """Return the totals as they are now."""
    with growing.warehouse.connect("bi_reader") as connection:
        found = connection.execute(TOTALS[0]).fetchone()
    assert found
    return found
