"""What one document costs from BSON bytes to JSON text, in microseconds of CPU, way by way.

`python bench/bson_json.py` makes documents like the application's plays and prints a line for each
way: those of the libraries, and those of the tap. Nothing is read or written, so that a busy
machine disturbs it little.
"""

from __future__ import annotations

import argparse
import random
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import bson
import msgspec
import simplejson  # type: ignore[import-untyped] # no stubs in the lock
from bson import ObjectId, json_util
from bson.raw_bson import RawBSONDocument

from singer_kit.contract import ContractMode
from tap_mongodb.documents import DocumentEncoder
from tap_mongodb.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 3
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """Time each way over the same documents."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=50_000)
    number = parser.parse_args().documents
    documents = [bson.encode(play(random.Random(seed))) for seed in range(number)]
    size = sum(map(len, documents)) // number
    print(f"{number:,} documents of {size} bytes, least of {ROUNDS} rounds")
    for name, convert in ways(documents).items():
        print(f"{name:44} {least(convert, documents) / number * 1e6:7.1f} µs")


def play(chance: random.Random) -> dict[str, Any]:
    """Return a play as the application writes it."""
    ids = (uuid.UUID(int=chance.getrandbits(128)) for _ in range(3))
    return {
        "_id": ObjectId(),
        **dict(zip(("play_id", "lyric_id", "artist_id"), map(str, ids), strict=True)),
        "played_at": EPOCH + timedelta(milliseconds=chance.randrange(10**10)),
        "duration_ms": chance.randrange(10**6),
        "country": "AT",
        "client": "web",
    }


def ways(documents: list[bytes]) -> dict[str, Callable[[bytes], object]]:
    """Return what turns a document's bytes into something nearer to JSON, by name."""
    encode = msgspec.json.Encoder(enc_hook=str).encode

    def tap(**said: Any) -> Callable[[bytes], object]:
        settings = Settings(database="bench", contract_mode=ContractMode.QUARANTINE, **said)
        sample = documents[:1000] if settings.schema_strategy == "infer" else ()
        return DocumentEncoder(settings, "plays", sample).encode

    return {
        "bson.decode alone": bson.decode,
        "RawBSONDocument, its fields asked for": lambda raw: dict(RawBSONDocument(raw)),
        "bson.decode, msgspec": lambda raw: encode(bson.decode(raw)),
        "bson.decode, simplejson (as MeltanoLabs)": lambda raw: simplejson.dumps(
            bson.decode(raw), default=str
        ),
        "bson.decode, bson.json_util": lambda raw: json_util.dumps(bson.decode(raw)),
        "tap, plain": tap(),
        "tap, relaxed": tap(bson_mode="relaxed_extjson"),
        "tap, canonical": tap(bson_mode="canonical_extjson"),
        "tap, infer": tap(schema_strategy="infer"),
        "tap, declared by rap_model.Play": tap(
            schema_strategy="declared", contract_models={"plays": "rap_model.Play"}
        ),
    }


def least(convert: Callable[[bytes], object], documents: list[bytes]) -> float:
    """Return the CPU seconds of the best round."""
    rounds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for raw in documents:
            convert(raw)
        rounds.append(time.process_time() - started)
    return min(rounds)


if __name__ == "__main__":
    main()
