"""Whatever happens to the files, between runs and to the runs: current rows equal the files.

Each round makes a random history of puts, overwrites, puts-back, deletes and files that are broken
and repaired, between runs and while they read. Runs in between are whole, or cut off after any
message; a target that acknowledges each stream on its own gives back any mix of the states it was
sent. After one last whole run the current rows must be what is in the files, and a run after that
must find nothing.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.singer import Output, State, Tables
from fixtures.tapped import SONGS
from tap_files import listing, prefetch, sync

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fixtures.singer import Message
    from fixtures.tapped import Bucket, Folder, Tapped

CREDITS = {
    "name": "credits",
    "prefix": "songs/",
    "explode": "credits",
    "key_properties": ["title", "who"],
}
SETTINGS: dict[str, Any] = {"streams": [SONGS, CREDITS], "max_rejected_ratio": 1}
DAYS = [f"2024-01-0{day}T00:00:00" for day in range(1, 6)]


class World:
    """The files, and what they hold."""

    def __init__(self, files: Tapped, rng: random.Random) -> None:
        self.files = files
        self.rng = rng
        self.bodies: dict[str, str] = {}
        self.removed: list[tuple[str, str]] = []

    def change(self, *, may_break: bool = True) -> None:
        """Do one thing to one file."""
        key = f"songs/{self.rng.randrange(6)}.jsonl"
        action = self.rng.random()
        if action < 0.25 and key in self.bodies:
            self.removed.append((key, self.bodies.pop(key)))
            self.files.delete(key)
        elif action < 0.35 and self.removed:
            removed = self.rng.choice(self.removed)
            if may_break or not removed[1].startswith("broken"):
                self.put(*removed)
        elif action < 0.45:
            self.put(key, "")
        elif action < 0.55 and may_break:
            self.put(key, "broken: no JSON lines\n" * self.rng.randint(1, 3))
        else:
            songs = [self.song() for _ in range(self.rng.choice([1, 2, 3, 40]))]
            self.put(key, "\n".join(json.dumps(song) for song in songs))

    def song(self) -> dict[str, Any]:
        """Return a document; titles meet across files and lines."""
        people = self.rng.sample("abcd", self.rng.randrange(3))
        return {
            "title": f"t{self.rng.randrange(60)}",
            "n": self.rng.randrange(1_000),
            "credits": [{"who": who} for who in people],
        }

    def put(self, key: str, body: str) -> None:
        self.bodies[key] = body
        put: Any = self.files.put
        if hasattr(self.files, "root"):
            put(key, body, self.rng.choice(DAYS))  # also backwards, also the same second
        else:
            put(key, body)

    def expected(self, seen: dict[str, str]) -> tuple[dict[Any, Any], set[Any]]:
        """Return the songs and credits that must be current; ``seen`` is the last good body."""
        songs: dict[Any, Any] = {}
        credited = set()
        for key in self.bodies:
            for line in seen.get(key, "").splitlines():
                song = json.loads(line)
                songs[key, song["title"]] = song
                credited |= {(key, song["title"], credit["who"]) for credit in song["credits"]}
        return songs, credited


def cut(
    rng: random.Random, before: State | None, output: Output
) -> tuple[State | None, Iterable[Message]]:
    """Return what a target holds and acknowledges of a run that was cut off somewhere."""
    end = rng.randint(0, len(output.messages))
    messages = output.messages[:end]
    states = [message["value"] for message in messages if message["type"] == "STATE"]
    bookmarks = dict((before or {}).get("bookmarks", {}))
    for stream in ("songs", "credits", "songs__rejected", "_files"):
        if states and rng.random() < 0.8:
            acknowledged = rng.choice(states)["bookmarks"].get(stream)
            if acknowledged:
                bookmarks[stream] = json.loads(json.dumps(acknowledged))
    return {"bookmarks": bookmarks}, messages


def play(files: Tapped, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    monkeypatch.setattr(sync, "STATE_SECONDS", 0.0)
    monkeypatch.setattr(sync, "PAUSE_DOCUMENTS", 5)
    monkeypatch.setattr(prefetch, "LARGE_BYTES", rng.choice([1, 2**20]))
    # Above this many files the list of files is sent whole; the window then holds them all.
    settings = {**SETTINGS, "max_state_keys": rng.choice([3, 100]), "lookback_seconds": 10**6}
    world = World(files, rng)
    target = Tables()
    state: State | None = None
    seen: dict[str, str] = {}

    def read() -> None:
        """A whole run makes each good version current; a broken one leaves the one before."""
        good = {k: body for k, body in world.bodies.items() if not body.startswith("broken")}
        seen.update(good)
        for key in set(seen) - set(world.bodies):
            del seen[key]

    def tap_amid_changes() -> Output:
        """Run while files are written and removed, between the listing and the reading."""

        def list_then_change(*arguments: Any) -> Any:
            overview = listing.take_stock(*arguments)
            for _ in range(rng.randint(1, 3)):
                # Whether a good version was seen before a broken one must not hang on chance.
                world.change(may_break=False)
            return overview

        with monkeypatch.context() as patch:
            patch.setattr(sync, "take_stock", list_then_change)
            return files.tap(state, **settings)

    for _ in range(rng.randint(2, 5)):
        for _ in range(rng.randint(1, 5)):
            world.change()
        if rng.random() < 0.5:
            output = tap_amid_changes()
            target.load(output.messages)
            state = output.state
        output = files.tap(state, **settings)
        if rng.random() < 0.5:
            state, messages = cut(rng, state, output)
            target.load(messages)
            output = files.tap(state, **settings)
        target.load(output.messages)
        state = output.state
        read()
    songs, credited = world.expected(seen)
    assert {
        (row["_sdc_source_file"], row["title"]): row["document"] for row in target.current("songs")
    } == songs, seed
    assert credited == {
        (row["_sdc_source_file"], row["title"], row["who"]) for row in target.current("credits")
    }, seed
    again = files.tap(state, **settings)
    assert set(again.counts()) <= {"_files"}, seed


@pytest.mark.parametrize("seed", range(14))
def test_current_rows_equal_the_folder(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    play(folder, seed, monkeypatch)


@pytest.mark.parametrize("seed", range(1_000, 1_006))
def test_current_rows_equal_the_bucket(
    s3: Bucket, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    play(s3, seed, monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2_000, 2_300))
def test_current_rows_equal_the_bucket_in_300_rounds(
    s3: Bucket, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    play(s3, seed, monkeypatch)
