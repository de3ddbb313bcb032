"""Hundreds of collections in one run: one cursor on the server, a small STATE, quiet when quiet."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from tap_mongodb.sync import track

if TYPE_CHECKING:
    import pytest
    from bson import Timestamp

    from fixtures.fix_mongodb import MakeMongodb

from fixtures.mongo_tapped import Rows, Tapped

COLLECTIONS, DOCUMENTS = 400, 200
STATE_BYTES = 200_000
QUIET_SECONDS = 2.0


def test_400_collections_take_one_cursor_and_a_small_state(
    make_mongodb: MakeMongodb, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_mongodb()
    database = server.client.raps
    for number in range(COLLECTIONS):
        database[f"collection_{number:03}"].insert_many(
            [{"_id": n, "n": n} for n in range(DOCUMENTS)], ordered=False
        )
    mongo = Tapped(server.uri, database)
    before = server.open_cursors
    cursors: list[int] = []
    catch_up = track.Track.catch_up

    def counted(self: track.Track, goal: Timestamp) -> None:
        catch_up(self, goal)
        cursors.append(server.open_cursors - before)

    monkeypatch.setattr(track.Track, "catch_up", counted)
    first = mongo.tap()
    assert sum(first.counts().values()) == COLLECTIONS * DOCUMENTS
    assert set(cursors) == {1}
    assert max(len(json.dumps(state)) for state in first.states) < STATE_BYTES
    assert json.dumps(first.state).count("_data") == 1

    started = time.process_time()
    quiet = mongo.tap(first.state, await_time_ms=1000)
    assert quiet.counts() == {}
    spent = time.process_time() - started
    assert spent < QUIET_SECONDS

    database.collection_007.delete_one({"_id": 7})
    database.collection_399.insert_one({"_id": "new"})
    third = mongo.tap(quiet.state)
    assert third.counts() == {"collection_007": 1, "collection_399": 1}
    rows = Rows().load(first).load(third)
    assert len(rows.alive("collection_007")) == DOCUMENTS - 1
    assert len(rows.alive("collection_399")) == DOCUMENTS + 1
