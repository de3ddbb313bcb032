"""The live application as its raw tables tell of it: what it begins with, and what it does then.

Everything follows from a seed, so that a round that fails can be run again.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import TYPE_CHECKING

from rap_model import Lyric, Play, corpus
from rap_model.identity import derive_text

if TYPE_CHECKING:
    from transform.mongo_feed import MongoFeed, MongoLoad, Record
    from transform.rap_files import RapFiles

_KINDS = {
    "play": 10,
    "listen_longer": 3,
    "play_moved": 3,
    "play_renamed": 3,
    "play_deleted": 3,
    "play_twice": 1,
    "attend": 3,
    "cancel": 2,
    "register_again": 1,
    "registration_deleted": 2,
    "lyric_edited": 2,
    "lyric_deleted": 1,
    "artist_edited": 1,
    "meetup_edited": 1,
    "replay": 2,
    "reject": 1,
}
"""What happens how often."""
_FEW = 20
"""Registrations that stay, however long it goes on."""


class Application:
    """The application whose documents ``feed`` loads."""

    def __init__(self, feed: MongoFeed, seed: int = 1, lyrics: int = 220) -> None:
        """Let ``seed`` decide what there is and what happens; plays are ten times the lyrics."""
        self.feed = feed
        self.chance = Random(seed)
        self._corpus = corpus.generate(lyrics, seed)
        self._plays = map(self._crowded, self._corpus.plays())

    def begin(self, plays: int = 300) -> None:
        """Load what there is by the snapshot: no change events."""
        with self.feed.load() as load:
            load.snapshot("artists", self._corpus.artists())
            load.snapshot("lyrics", self._corpus.lyrics())
            load.snapshot("meetups", self._corpus.meetups())
            load.snapshot("registrations", self._corpus.registrations())
            for play in islice(self._plays, plays):
                load.put("plays", play, change=None)

    def dispute(self, files: RapFiles) -> None:
        """Speak of some entities that files speak of: earlier, later and at the same time."""
        with self.feed.load() as load:
            for kind, text in {"artists": "name", "lyrics": "title", "meetups": "title"}.items():
                told = [d for key, f in sorted(files.files.items()) for d in f.documents
                        if key.startswith(kind)]  # fmt: skip
                for hours, record in zip((-1, 0, 1), told, strict=False):
                    at = _shifted(record["updated_at"], timedelta(hours=hours))
                    load.put(kind, {**record, text: f"{record[text]} ({hours})", "updated_at": at})

    def go_on(self, load: MongoLoad, changes: int, *, without: str = "") -> None:
        """Let ``load`` bring so many changes, of every kind but one."""
        kinds = {kind: often for kind, often in _KINDS.items() if kind != without}
        for kind in self.chance.choices(list(kinds), list(kinds.values()), k=changes):
            getattr(self, f"_{kind}")(load)

    def play(self, load: MongoLoad, **fields: object) -> str:
        """Load a play that is new, of a day long gone or one of a few; return its `_id`."""
        return load.put("plays", {**next(self._plays), **fields}, lag=self._lag())

    def some(self, collection: str) -> tuple[str, Record]:
        """Return the `_id` and the record of one document that lives."""
        held = self.feed.held.documents[collection]
        key = self.chance.choice(sorted(held))
        return key, held[key].record

    def _play(self, load: MongoLoad) -> None:
        self.play(load, country=self.chance.choice([None, "DE", "KE"]))

    def _listen_longer(self, load: MongoLoad) -> None:
        key, play = self.some("plays")
        longer = self.chance.choice([None, 0, 29_999, 30_000, 300_000])
        self._update(load, "plays", key, {**play, "duration_ms": longer})

    def _play_moved(self, load: MongoLoad) -> None:
        """Let a play have been on another day, of another lyric: two days change."""
        key, play = self.some("plays")
        _, lyric = self.some("lyrics")
        days = timedelta(days=self.chance.randrange(-400, 400))
        moved = {"lyric_id": lyric["lyric_id"], "played_at": _shifted(play["played_at"], days)}
        self._update(load, "plays", key, {**play, **moved})

    def _play_renamed(self, load: MongoLoad) -> None:
        """Let a document speak of another play: a new one, or one that others speak of too."""
        key, play = self.some("plays")
        _, other = self.some("plays")
        new = derive_text("play", f"renamed {self.chance.random()}")
        renamed = {**play, "play_id": self.chance.choice([new, other["play_id"]])}
        self._update(load, "plays", key, renamed)

    def _play_deleted(self, load: MongoLoad) -> None:
        load.delete("plays", self.some("plays")[0], lag=self._lag())

    def _play_twice(self, load: MongoLoad) -> None:
        """Store a play's id in a document of its own, which counts while it is the newer one."""
        key, play = self.some("plays")
        other = {**play, "client": "other", "duration_ms": 1}
        load.put("plays", other, key=f"again-{key}", lag=self._lag())

    def _attend(self, load: MongoLoad) -> None:
        self._set_status(load, "attended")

    def _cancel(self, load: MongoLoad) -> None:
        self._set_status(load, "cancelled")

    def _set_status(self, load: MongoLoad, status: str) -> None:
        key, registration = self.some("registrations")
        later = _shifted(
            registration["updated_at"], timedelta(seconds=self.chance.randrange(90_000))
        )
        changed = {**registration, "status": status, "updated_at": later}
        self._update(load, "registrations", key, changed)

    def _register_again(self, load: MongoLoad) -> None:
        """Store a registration's id in a document of its own, a little earlier or later."""
        key, registration = self.some("registrations")
        shift = timedelta(seconds=self.chance.choice([-1, 0, 1]))
        again = {**registration, "updated_at": _shifted(registration["updated_at"], shift)}
        load.put("registrations", {**again, "status": "registered"}, key=f"again-{key}")

    def _registration_deleted(self, load: MongoLoad) -> None:
        if len(self.feed.held.documents["registrations"]) <= _FEW:
            self._register_again(load)
            return
        load.delete("registrations", self.some("registrations")[0], lag=self._lag())

    def _lyric_edited(self, load: MongoLoad) -> None:
        """Let a lyric come out on another day, under another lead."""
        key, lyric = self.some("lyrics")
        _, artist = self.some("artists")
        day = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(days=self.chance.randrange(4000))
        lead = {"artist_id": artist["artist_id"], "role": "singer"}
        others = [c for c in lyric["credits"] if c["artist_id"] != artist["artist_id"]]
        edited = Lyric.read(
            {
                **lyric,
                "released_date": self.chance.choice([None, day.date().isoformat()]),
                "credits": [
                    lead, *({k: v for k, v in each.items() if k != "position"} for each in others)
                ],
                "updated_at": _shifted(lyric["updated_at"], timedelta(hours=1)),
            }
        )  # fmt: skip
        self._update(load, "lyrics", key, edited)

    def _lyric_deleted(self, load: MongoLoad) -> None:
        load.delete("lyrics", self.some("lyrics")[0], lag=self._lag())

    def _artist_edited(self, load: MongoLoad) -> None:
        key, artist = self.some("artists")
        later = _shifted(artist["updated_at"], timedelta(hours=1))
        self._update(load, "artists", key, {**artist, "country": "KE", "updated_at": later})

    def _meetup_edited(self, load: MongoLoad) -> None:
        key, meetup = self.some("meetups")
        fewer = meetup["performances"][:-1]
        later = _shifted(meetup["updated_at"], timedelta(hours=1))
        edited = {**meetup, "performances": fewer, "updated_at": later}
        self._update(load, "meetups", key, edited)

    def _replay(self, load: MongoLoad) -> None:
        load.replay("plays", self.some("plays")[0])

    def _reject(self, load: MongoLoad) -> None:
        load.reject("plays", by_target=self.chance.random() < 0.5)

    def _crowded(self, document: Record) -> Record:
        """Return a play as a record; of three, two are of few lyrics on few days."""
        if self.chance.random() < 1 / 3:
            return Play.read(document)
        lyric = Lyric.read(next(islice(self._corpus.lyrics(), self.chance.randrange(4), None)))
        times = ("00:00:00Z", "12:34:56.789Z", "23:59:59.999999Z")
        at = f"2026-0{self.chance.choice('12')}-{self.chance.choice(['01', '28'])}"
        return Play.read(
            {
                **document,
                "lyric_id": lyric["lyric_id"],
                "played_at": f"{at}T{self.chance.choice(times)}",
            }
        )

    def _update(self, load: MongoLoad, collection: str, key: str, record: Record) -> None:
        load.put(collection, record, key=key, change="update", lag=self._lag())

    def _lag(self) -> timedelta:
        return timedelta(seconds=self.chance.randrange(30))


def unknown_play(number: int) -> Record:
    """Return a play of a lyric that nobody describes."""
    return Play.read(
        {
            "play_id": derive_text("play", f"unknown {number}"),
            "lyric_id": derive_text("lyric", f"unknown {number}"),
            "played_at": "2026-01-31T23:59:59.999999Z",
        }
    )


def _shifted(time: str, by: timedelta) -> str:
    return (datetime.fromisoformat(time) + by).isoformat().replace("+00:00", "Z")
