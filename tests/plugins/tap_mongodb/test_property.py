"""Whatever is changed while tap and target run and are killed, the table is the collection.

Real servers, real processes, real signals; what the simulation finds by the thousand is confirmed
here. A round is told by its seed, which stands in the test's name: it decides every change, and
behind which line, or when, who is killed.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import signal
import threading
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import bson
import pytest
from bson import Decimal128, Int64, ObjectId
from psycopg import sql
from pymongo.errors import OperationFailure

from fixtures.forked import TAP, TARGET, Kill, run
from fixtures.mongo_proxies import Orderly
from fixtures.mongo_tapped import Tapped
from tap_mongodb.identity import key_text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pymongo.client_session import ClientSession
    from pymongo.database import Database as Mongo

    from fixtures.fix_mongodb import Document, Server
    from fixtures.fix_postgres import Database

COLLECTIONS = ("artists", "lyrics", "plays")
IDS: tuple[Any, ...] = (
    None,
    -1,
    2,
    2.5,
    Int64(2**40),
    Decimal128("7.10"),
    "",
    "a",
    "6b013ce23586d8224ce32bb1",
    {"a": 1, "b": "x"},
    ObjectId("6b013ce23586d8224ce32bb1"),
    True,
    dt.datetime(1969, 1, 1, tzinfo=dt.UTC),
)
CHANGES = {"insert", "update", "replace", "delete"}


class Activity:
    """Somebody who changes the database, the same way for the same seed."""

    def __init__(
        self, database: Mongo[Document], dice: random.Random, writing: threading.Lock, *, calm: bool
    ) -> None:
        self.database = database
        self._writing = writing
        self._dice = dice
        self._calm = calm
        self._value = 0

    def change(self) -> None:
        """Change something: a document, several at once, or a whole collection."""
        with self._writing:
            self._change()

    def _change(self) -> None:
        dice = self._dice
        name = dice.choice(COLLECTIONS)
        chance = dice.random()
        if chance < 0.03 and not self._calm:
            self.database.drop_collection(name)
        elif chance < 0.06 and not self._calm:
            to = dice.choice([other for other in COLLECTIONS if other != name])
            # It may not be there.
            with suppress(OperationFailure):
                self.database[name].rename(to, dropTarget=True)
        elif chance < 0.065 and not self._calm:
            self.database.client.drop_database(self.database.name)
        elif chance < 0.25:
            writes = [self._one(dice.choice(COLLECTIONS)) for _ in range(dice.randint(2, 5))]

            def write_all(session: ClientSession) -> None:
                for write in writes:
                    write(session=session)

            with self.database.client.start_session() as session:
                # Made once more where the server says that it met another: SecantusDB may.
                session.with_transaction(write_all)
        else:
            self._one(name)()

    def _one(self, name: str) -> Callable[..., object]:
        dice, collection = self._dice, self.database[name]
        self._value += 1
        query = {"_id": dice.choice(IDS)}
        match dice.randrange(4):
            case 0:
                return partial(collection.delete_one, query)
            # SecantusDB looks no document up whose _id is null.
            case 1 if query["_id"] is not None:
                return partial(collection.update_one, query, {"$set": {"n": self._value}})
            case _:
                return partial(collection.replace_one, query, {"n": self._value}, upsert=True)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Change something again and again, in a thread of its own."""
        ended = threading.Event()
        failed: list[Exception] = []

        def go_on() -> None:
            try:
                while not ended.wait(self._dice.random() * 0.02):
                    self.change()
            except Exception as error:  # noqa: BLE001 - raised again by the thread that waits
                failed.append(error)

        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
        if failed:
            raise failed[0]


def killing(dice: random.Random, lines: int, seconds: float) -> Kill:
    """Return who is killed where, in a run of about so many lines and seconds."""
    return Kill(
        dice.choice([(TAP,), (TARGET,), (TAP, TARGET)]),
        dice.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]),
        dice.choice([None, dice.randint(1, lines)]),
        dice.random() * seconds,
    )


def collected(database: Mongo[Document]) -> dict[str, dict[str, int]]:
    """Return what is in the collections: documents' values by key."""
    return {
        name: {key_text_of(bson.encode(each)): each["n"] for each in database[name].find()}
        for name in COLLECTIONS
    }


def loaded(database: Database, schema: str) -> dict[str, dict[str, int]]:
    """Return what is in the tables: values of rows that are not deleted, by key."""
    query = "select _id, (document->>'n')::int from {} where _sdc_deleted_at is null"
    with database.connect() as connection:
        return {
            name: dict(
                connection.execute(sql.SQL(query).format(sql.Identifier(schema, name))).fetchall()
            )
            for name in COLLECTIONS
        }


def events(database: Database, schema: str, since: int) -> list[tuple[int, str, str]]:
    """Return version, kind and namespace of the events in the tables, in order."""
    query = "select _sdc_lsn, operation_type, namespace->>'collection' from {} where _sdc_lsn > %s"
    with database.connect() as connection:
        return sorted(
            row
            for name in COLLECTIONS
            for row in connection.execute(
                sql.SQL(query).format(sql.Identifier(schema, f"{name}__changes")), (since,)
            )
        )


def play(server: Server, database: Database, folder: Path, seed: int) -> None:
    """Play one round; the last run is left alone, and then all is compared."""
    dice = random.Random(seed)
    calm = seed % 2 == 0
    schema = f"round_{seed}"
    proxy = Orderly(*(server.client.address or ("127.0.0.1", 27017)))
    mongo = Tapped(proxy.uri, server.client[f"{schema}_{database.settings['database']}"])
    target = {**database.settings, "default_target_schema": schema, "batch_size_rows": 7}
    activity = Activity(mongo.database, random.Random(seed), proxy.writing, calm=calm)
    for name in COLLECTIONS:
        mongo.database[name].insert_many([{"_id": each, "n": 0} for each in IDS])
    state, first = None, None
    with mongo.database.watch(max_await_time_ms=500) as watched:
        for _ in range(dice.randint(1, 4)):
            settings = {
                "output_mode": "both",
                "snapshot_chunk_size": dice.choice([2, 5, 100]),
                "snapshot_round_seconds": dice.choice([0, 300]),
                "state_interval_records": dice.choice([1, 4, 50]),
            }
            kill = killing(dice, lines=90, seconds=1.5)
            with activity.going_on():
                ended = run(folder, mongo.config(**settings), target, state, kill)
            state = ended.state or state
            first = first or state
            activity.change()
        # As the runs before may have met no document of it, each table is to be there.
        for name in COLLECTIONS:
            mongo.database[name].replace_one({"_id": 0}, {"n": -1}, upsert=True)
        for number in (1, 2):
            ended = run(folder, mongo.config(output_mode="both"), target, state)
            assert ended.codes == {TAP: 0, TARGET: 0}, (number, ended.log)
            state = ended.state
            assert loaded(database, schema) == collected(mongo.database), number
        assert not [line for line in ended.lines if json.loads(line)["type"] == "RECORD"]
        if calm and first:
            seconds, _, increment = first["cursor"]["operation_time"].partition(".")
            since = int(seconds) * 1_000_000 + int(increment)
            expected = []
            while (change := watched.try_next()) is not None:
                time = change["clusterTime"]
                lsn = time.time * 1_000_000 + time.inc
                if change["operationType"] in CHANGES and lsn > since:
                    expected.append((lsn, change["operationType"], change["ns"]["coll"]))
            assert events(database, schema, since) == sorted(expected)
    server.client.drop_database(mongo.database.name)
    proxy.close()


@pytest.mark.parametrize("seed", range(10))
def test_kills_lose_and_double_nothing(
    mongodb: Server, database: Database, tmp_path: Path, seed: int
) -> None:
    play(mongodb, database, tmp_path, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10, 200))
def test_more_kills_lose_and_double_nothing(
    mongodb: Server, database: Database, tmp_path: Path, seed: int
) -> None:
    play(mongodb, database, tmp_path, seed)
