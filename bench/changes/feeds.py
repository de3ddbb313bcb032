"""What is read: two collections of documents, and one with a history of changes.

The same seed and scale give the same documents. Their ids are ObjectIds, which is all that the
peer can read whole.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import bson
from bson import ObjectId
from pymongo import DeleteOne, InsertOne, UpdateOne

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymongo.database import Database

Document = dict[str, Any]

SEED = 1
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_BATCH = 5_000
_LINE = 60
_TURNS = ["insert"] * 11 + ["update"] * 8 + ["delete"]
EMPTY = "empty"
"""A collection without documents, to see what starting takes."""


@dataclass(frozen=True)
class Case:
    """What is drained, and how fast that is meant to be."""

    collection: str
    kind: str
    """`documents` or `events`."""
    number: int
    bytes: int
    """Of one document; of events, one that was inserted."""

    @property
    def title(self) -> str:
        """What it is called in the table."""
        what = "change events" if self.kind == "events" else "documents"
        return f"{self.number:,} {what} of {self.bytes:,} bytes"


def snapshots(database: Database[Document], scale: float) -> list[Case]:
    """Write the collections that are read whole."""
    cases = []
    for name, full, lines in (("small", 500_000, 0), ("large", 50_000, 120)):
        chance = random.Random(SEED)
        number = max(1_000, int(full * scale))
        documents = (play(chance, lines) for _ in range(number))
        size = len(bson.encode(play(random.Random(SEED), lines)))
        while batch := _some(documents):
            database[name].insert_many(batch)
        cases.append(Case(name, "documents", number, size))
    database.create_collection(EMPTY)
    return cases


def history(database: Database[Document], scale: float) -> Case:
    """Write the events."""
    number = max(1_000, int(200_000 * scale))
    chance = random.Random(SEED)
    ids: list[ObjectId] = []
    for start in range(0, number, _BATCH):
        requests: list[InsertOne[Document] | UpdateOne | DeleteOne] = []
        for at in range(start, min(start + _BATCH, number)):
            kind = _TURNS[at % len(_TURNS)]
            if kind == "insert":
                document = play(chance, 0)
                ids.append(document["_id"])
                requests.append(InsertOne(document))
            elif kind == "update":
                change = {"$set": {"duration_ms": chance.randrange(10**6)}}
                requests.append(UpdateOne({"_id": chance.choice(ids[-1_000:])}, change))
            else:
                requests.append(DeleteOne({"_id": ids.pop(0)}))
        database.events.bulk_write(requests)
    return Case("events", "events", number, len(bson.encode(play(chance, 0))))


def play(chance: random.Random, lines: int) -> Document:
    """Return a play as an application writes it, with so many lines of text."""
    made: Document = {
        "_id": ObjectId(chance.getrandbits(96).to_bytes(12, "big")),
        **{
            name: str(uuid.UUID(int=chance.getrandbits(128)))
            for name in ("play_id", "lyric_id", "artist_id")
        },
        "played_at": EPOCH + timedelta(milliseconds=chance.randrange(10**10)),
        "duration_ms": chance.randrange(10**6),
        "score": chance.random(),
        "country": "AT",
        "client": "web",
        "tags": ["live", "night"],
    }
    if lines:
        made["lines"] = [f"{chance.getrandbits(4 * _LINE):0{_LINE}x}" for _ in range(lines)]
    return made


def _some(documents: Iterator[Document]) -> list[Document]:
    return [document for _, document in zip(range(_BATCH), documents, strict=False)]
