"""A small live application: it has its collections in MongoDB, and goes on changing them.

Every change follows from the seed and from what is there, so the same calls leave the same data.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any

from pymongo import MongoClient

from mixtape.services import ServiceError
from mixtape.services.mongodb import GivenMongodb, Mongodb
from rap_model import Artist, Lyric, Meetup, Play, Registration
from rap_model import corpus as generator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pymongo.collection import Collection
    from pymongo.database import Database

    from mixtape.services import Part
    from rap_model.base import Entity

Document = dict[str, Any]

DATABASE = "raps"
LYRICS, PLAYS = 200, 300
"""What the application begins with; the rest follows from the number of lyrics."""
_IDS: dict[str, tuple[type[Entity], str]] = {
    "artists": (Artist, "artist_id"),
    "lyrics": (Lyric, "lyric_id"),
    "meetups": (Meetup, "meetup_id"),
    "registrations": (Registration, "registration_id"),
    "plays": (Play, "play_id"),
}
_KINDS = {"play": 12, "attend": 3, "cancel": 2, "edit": 2, "delete": 1}
"""What happens how often."""


class Application:
    """The application on its database."""

    def __init__(self, database: Database[Document], seed: int) -> None:
        """Work on ``database``; ``seed`` decides what happens."""
        self._database = database
        self._corpus = generator.generate(LYRICS, seed)
        self._chance = Random(f"{seed}/{database.plays.count_documents({})}")  # noqa: S311 - repeatable on purpose

    def begin(self) -> int:
        """Fill the collections, if there are none; return the number of documents written."""
        if self._database.list_collection_names():
            return 0
        kinds: dict[str, Iterable[Document]] = {
            "artists": self._corpus.artists(),
            "lyrics": self._corpus.lyrics(),
            "meetups": self._corpus.meetups(),
            "registrations": self._corpus.registrations(),
            "plays": islice(self._corpus.plays(), PLAYS),
        }
        written = 0
        for kind, documents in kinds.items():
            stored = [_stored(kind, document) for document in documents]
            self._database[kind].insert_many(stored)
            written += len(stored)
        return written

    def go_on(self, changes: int) -> Counter[str]:
        """Make so many changes; return how often each kind was made."""
        made = Counter(self._chance.choices(list(_KINDS), list(_KINDS.values()), k=changes))
        plays = islice(self._corpus.plays(), self._database.plays.count_documents({}), None)
        for play in islice(plays, made["play"]):
            self._database.plays.insert_one(_stored("plays", play))
        for _ in range(made["attend"]):
            self._set_status("attended")
        for _ in range(made["cancel"]):
            self._set_status("cancelled")
        for _ in range(made["edit"]):
            self._edit()
        for _ in range(made["delete"]):
            registrations = self._database.registrations
            registrations.delete_one({"_id": self._one_of(registrations)["_id"]})
        return made

    def _set_status(self, status: str) -> None:
        registrations = self._database.registrations
        found = self._one_of(registrations)
        registrations.update_one(
            {"_id": found["_id"]}, {"$set": {"status": status, **_later(found)}}
        )

    def _edit(self) -> None:
        lyrics = self._database.lyrics
        found = self._one_of(lyrics)
        note = f"edition {self._chance.randrange(2, 100)}"
        lyrics.replace_one({"_id": found["_id"]}, {**found, "notes": note, **_later(found)})

    def _one_of(self, collection: Collection[Document]) -> Document:
        place = self._chance.randrange(collection.count_documents({}))
        return next(iter(collection.find().sort("_id").skip(place).limit(1)))


def run(parts: Iterable[Part], changes: int, seed: int) -> str:
    """Let the application on the running MongoDB make changes; return a sentence on them.

    Raises:
        ServiceError: none of ``parts`` is a MongoDB.
    """
    for part in parts:
        if isinstance(part, Mongodb | GivenMongodb):
            client: MongoClient[Document]
            with MongoClient(part.uri, tz_aware=True) as client:
                application = Application(client[DATABASE], seed)
                begun, made = application.begin(), application.go_on(changes)
            said = ", ".join(f"{kind} {number}" for kind, number in sorted(made.items()))
            first = f"{begun:,} documents to begin with; " if begun else ""
            return f"{part.url} {DATABASE}: {first}{changes:,} changes" + (said and f" ({said})")
    raise ServiceError("no MongoDB runs: `mixtape up mongodb` starts one")


def _stored(kind: str, document: Document) -> Document:
    """Return a document as the application keeps it: its id as key, times as times."""
    model, name = _IDS[kind]
    times = {
        field: datetime.fromisoformat(value)
        for field, value in document.items()
        if field.endswith("_at")
    }
    return {"_id": model.read(document)[name], **document, **times}


def _later(document: Document) -> Document:
    return {"updated_at": document["updated_at"] + timedelta(hours=1)}
