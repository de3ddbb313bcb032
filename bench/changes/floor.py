"""The least that a client of MongoDB does: take every answer, and look into none.

`floor.py documents URI COLLECTION` drains a cursor of raw batches, `floor.py events URI COLLECTION
TOKEN STAGES` a change stream from a resume token on, raw too, through stages written as JSON. Both
print how many there were. That is counted by their bytes' framing alone: a document says its own
length.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, cast

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DATABASE = "bench"


def documents(uri: str, collection: str) -> int:
    """Drain a collection in whatever order the server likes; return its size."""
    found = 0
    client: MongoClient[dict[str, Any]] = MongoClient(uri)
    # The stubs know of decoded documents alone.
    batches = cast("Iterator[bytes]", client[DATABASE][collection].find_raw_batches())
    for batch in batches:
        at = 0
        while at < len(batch):
            at += int.from_bytes(batch[at : at + 4], "little")
            found += 1
    return found


def events(uri: str, collection: str, token: str, stages: str) -> int:
    """Drain a change stream until an empty answer; return the number of events."""
    options: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
    client: MongoClient[dict[str, Any]] = MongoClient(uri)
    target = client[DATABASE].get_collection(collection, codec_options=options)
    found = 0
    with target.watch(
        json.loads(stages), full_document="updateLookup", resume_after={"_data": token}
    ) as stream:
        while stream.try_next() is not None:
            found += 1
    return found


if __name__ == "__main__":
    kind, *arguments = sys.argv[1:]
    ways: dict[str, Callable[..., int]] = {"documents": documents, "events": events}
    print(ways[kind](*arguments))
