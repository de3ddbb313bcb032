"""Marts that grow are kept up by what loads brought, and are as if made from nothing."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from random import Random
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from fixtures.fix_postgres import MakeDatabase
from rap_model import Artist
from transform.expected.rows import differences
from transform.growing import grown, snapshot
from transform.mongo_feed import MongoLoad

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.fix_postgres_tls import Tls
    from transform.growing import Growing

ROUNDS = 3


def held(growing: Growing, play: str) -> bool:
    """Tell whether `fct_plays` has a play."""
    with growing.warehouse.connect("bi_reader") as reader:
        found = reader.execute("select from fct_plays where play_id = %s", [UUID(play)])
        return found.fetchone() is not None


def builds(growing: Growing) -> list[tuple[object, ...]]:
    """Return what was published so far."""
    with growing.warehouse.connect("transformer") as connection:
        return connection.execute("select * from publishing.builds order by 1").fetchall()


def test_what_commits_during_or_after_a_build_is_in_the_next(growing: Growing) -> None:
    done = threading.Event()
    loaded = threading.Event()

    def go_on() -> None:
        while not done.is_set():
            with growing.feed.load() as load:
                # Which build would see a new version of an artist cannot be known.
                growing.application.go_on(load, 5, without="artist_edited")
            loaded.set()
            done.wait(0.1)

    loader = threading.Thread(target=go_on)
    with growing.feed.connect() as connection:
        # Open all the time, with rows that are older than what commits meanwhile.
        load = MongoLoad(growing.feed, connection)
        late = growing.application.play(load)
        load.flush()
        loader.start()
        try:
            loaded.wait()
            growing.build()
        finally:
            done.set()
            loader.join()
        assert not held(growing, late)
        load.commit()
    growing.build()
    growing.check()
    assert held(growing, late)


def test_without_news_nothing_is_built(growing: Growing) -> None:
    before = builds(growing)
    assert not growing.warehouse.build().is_news
    assert "nothing to do" in growing.warehouse.said
    # A load that brought nothing is none either.
    growing.files.finish_load()
    assert not growing.warehouse.build().is_news
    assert builds(growing) == before


def test_random_loads_and_builds_leave_what_a_full_refresh_makes(growing: Growing) -> None:
    take_turns(growing, Random(20261121), ROUNDS)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_a_hundred_rounds_leave_what_a_full_refresh_makes(growing: Growing, seed: int) -> None:
    take_turns(growing, Random(seed), 10)


@pytest.mark.long
def test_debians_older_server_makes_the_same(tls: Tls, project_root: Path, tmp_path: Path) -> None:
    make_database = MakeDatabase(tls.server.uri)
    with grown(make_database, project_root, tmp_path) as growing:
        with growing.warehouse.connect("transformer") as connection:
            assert connection.info.server_version < 170000
        growing.build()
        growing.check()
        take_turns(growing, Random(15), 2)


def take_turns(growing: Growing, chance: Random, rounds: int) -> None:
    """Let loads of both feeds and builds take turns, then make everything from nothing."""
    growing.application.chance = chance
    with ExitStack() as connections:
        waiting: list[MongoLoad] = []
        for number in range(rounds):
            change_files(growing, chance, number)
            for _ in range(chance.randrange(1, 4)):
                with growing.feed.load(finish=chance.random() < 0.7) as load:
                    growing.application.go_on(load, chance.randrange(5, 30))
            for load in waiting:
                load.commit()
            waiting = []
            if number < rounds - 1 and chance.random() < 0.5:
                connection = connections.enter_context(growing.feed.connect())
                waiting.append(MongoLoad(growing.feed, connection))
                growing.application.play(waiting[0])
                waiting[0].flush()
            growing.build()
            growing.check()
    kept = snapshot(growing.warehouse)
    growing.build(full_refresh=True)
    growing.check()
    assert differences(snapshot(growing.warehouse), kept) == {}


def change_files(growing: Growing, chance: Random, number: int) -> None:
    """Let an artist's file come, change, vanish and come back."""
    files = growing.files
    key = f"artists/turn_{chance.randrange(3)}.yaml"
    if key in files.files and chance.random() < 0.5:
        files.remove(key)
    else:
        files.put(
            key,
            Artist.read(
                {
                    "schema_version": 1,
                    "name": f"Turning {key[-6]}",
                    "country": chance.choice(["AT", "IN"]),
                    "updated_at": f"2026-03-01T00:00:{number % 60:02}Z",
                }
            ),
        )
    files.finish_load()
