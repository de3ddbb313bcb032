"""Wherever tap and target die and whatever the server does meanwhile, the table is the collection.

Thousands of histories on a virtual clock, made from one seed; a failing one is repeated alone by
its number. What is found here is confirmed on real servers in ``test_property.py``.
"""

from __future__ import annotations

import random

import pytest

from fixtures.mongodb_simulation import COLLECTIONS, Process, Target, World
from tap_mongodb.settings import Settings

SCHEDULES = 10_000
BATCH = 500


def settings_of(rng: random.Random, **more: object) -> Settings:
    given = {
        "database": "d",
        "mongodb_connection_string": "mongodb://nowhere",
        "snapshot_chunk_size": rng.choice((1, 2, 3, 100)),
        "snapshot_round_seconds": rng.choice((0, 1, 300)),
        "state_interval_records": rng.choice((1, 2, 7, 100)),
        "max_events": rng.choice((0, 0, 0, 3)),
        "output_mode": rng.choice(("upsert", "both")),
        "capture_scope": rng.choice(("database", "database", "collection")),
        "oversize_events": rng.choice(("split", "skip_and_quarantine")),
        **more,
    }
    return Settings.of(given)


def moved(
    world: World, rng: random.Random, *, is_clean: bool, name: str = "two", restored: str = ""
) -> World:
    """Return another cluster with some of the documents.

    Its clock may be behind, unless rows were written whose versions no state knows.
    """
    gives_tokens = rng.random() < 0.7
    seconds = world.seconds + rng.choice((-50, 5) if is_clean else (5,))
    other = World(rng, name, world.has_images, gives_tokens, seconds, restored=restored)
    for collection, documents in world.latest.items():
        for key in documents:
            if rng.random() < 0.7:
                other._change(collection, key, other._tick())
    other.is_busy = False
    other.breathe()
    other.is_busy = True
    return other


def can_be_told(restored: World, world: World, target: Target) -> bool:
    """Tell whether every collection has a known UUID, and another one now."""
    marks = target.state.get("bookmarks", {})
    return world.tells_uuids and all(
        marks.get(name, {}).get("uuid") and name in restored.seen for name in COLLECTIONS
    )


def play(number: int) -> None:
    """Play one history to its end."""
    rng = random.Random(number)
    world = World(rng, has_images=rng.random() < 0.5, gives_tokens=rng.random() < 0.7)
    world.refuses = rng.choice((0.0, 0.0, 0.3))
    world.tells_uuids = rng.random() < 0.5
    world.larges = rng.choice((0.0, 0.1))
    target = Target()
    for _ in range(rng.randrange(8)):
        world.write()
    is_clean = True
    for _ in range(rng.randrange(5)):
        chance = rng.random()
        if chance < 0.1:
            world.forget()
        elif chance < 0.15 and world.name == "one":
            world = moved(world, rng, is_clean=is_clean)
        elif chance < 0.2 and not world.restored:
            other = moved(world, rng, is_clean=is_clean, name=world.name, restored="'")
            if can_be_told(other, world, target):
                world = other
        selected = ("a", "c") if rng.random() < 0.1 else ()
        settings = settings_of(rng, filter_collections=list(selected))
        process = Process(world, settings, target.state, rng.choice((None, rng.randint(1, 60))))
        process.run()
        lost = rng.choice((0, 0, rng.randint(0, 5)))
        messages = process.messages[: len(process.messages) - lost]
        dies = rng.random() < 0.5
        target.take(messages, rng, dies=dies)
        is_clean = not dies and not lost and process.ended
        for _ in range(rng.randrange(3)):
            world.write()
    world.is_busy, world.refuses = False, 0.0
    world.breathe()
    # The last run may follow one that died before the change of a collection was told.
    settings = settings_of(rng, max_events=0, output_mode="both")
    last = Process(world, settings, target.state, None)
    last.run()
    target.take(last.messages, rng, dies=False)
    for name in COLLECTIONS:
        assert target.alive(name) == world.latest.get(name, {}), (number, name)
    # Another scope, or form of events, may go through some once more, and write the same rows.
    same = {
        "capture_scope": settings.capture_scope,
        "oversize_events": settings.oversize_events,
    }
    again = Process(world, settings_of(rng, max_events=0, **same), target.state, None)
    again.run()
    assert [message for message in again.messages if message[0] != "state"] == [], number


@pytest.mark.parametrize("first", range(0, SCHEDULES, BATCH))
def test_the_table_is_the_collection_after_any_crashes(first: int) -> None:
    for number in range(first, first + BATCH):
        play(number)
