"""The live application's changes are served from Cassandra, run by Meltano as a cluster runs it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from mixtape.activity import Application

if TYPE_CHECKING:
    from pymongo.database import Database as Mongo

    from fixtures.fix_cassandra import Keyspace
    from fixtures.fix_meltano import Project
    from fixtures.fix_mongodb import Document, Server

Rows = dict[tuple[str, ...], list[Any]]
"""The rows of each partition, in clustering order."""


def registrations(database: Mongo[Document]) -> Rows:
    """Return what is to be read for each meetup: registration and status."""
    found: Rows = defaultdict(list)
    for one in database.registrations.find():
        found[(one["meetup_id"],)].append((one["_id"], one["status"]))
    return {key: sorted(rows) for key, rows in found.items()}


def plays(database: Mongo[Document]) -> Rows:
    """Return what is to be read for each lyric and day: the plays, the latest first."""
    found: Rows = defaultdict(list)
    for one in database.plays.find().sort([("played_at", -1), ("_id", 1)]):
        day = one["played_at"].date().isoformat()
        found[(one["lyric_id"], day)].append((one["played_at"].replace(tzinfo=None), one["_id"]))
    return dict(found)


def assert_served(keyspace: Keyspace, database: Mongo[Document]) -> None:
    """Compare each partition, as the application reads it, with the collections."""
    for (meetup,), expected in registrations(database).items():
        rows = keyspace.execute(
            "SELECT registration_id, status FROM {}.registrations_by_meetup "
            f"WHERE meetup_id = {meetup}"
        )
        assert sorted((str(row["registration_id"]), row["status"]) for row in rows) == expected
    for (lyric, day), expected in plays(database).items():
        rows = keyspace.execute(
            "SELECT played_at, play_id FROM {}.plays_by_lyric_day "
            f"WHERE lyric_id = {lyric} AND played_on = '{day}'"
        )
        assert [(row["played_at"], str(row["play_id"])) for row in rows] == expected
    # Nothing else is there: what was deleted is gone.
    for table, collection in (
        ("registrations_by_meetup", database.registrations),
        ("plays_by_lyric_day", database.plays),
    ):
        [counted] = keyspace.execute(f"SELECT count(*) AS n FROM {{}}.{table}")
        assert counted["n"] == collection.count_documents({})


def test_changes_are_served_and_tables_that_files_feed_are_left_alone(
    project: Project,
    mongodb: Server,
    mongo_database: Mongo[Document],
    keyspace: Keyspace,
    cassandra_loader: dict[str, str],
) -> None:
    environment = {
        **cassandra_loader,
        "TAP_MONGODB_MONGODB_CONNECTION_STRING": mongodb.uri,
        "TAP_MONGODB_DATABASE": mongo_database.name,
    }
    application = Application(mongo_database, seed=7)
    application.begin()
    project.run("changes-to-cassandra", **environment)
    assert_served(keyspace, mongo_database)

    made = application.go_on(60)
    assert min(made[kind] for kind in ("play", "attend", "cancel", "delete")) > 0
    # A play may turn out to be of another lyric, and stands in another partition then.
    moved, other = mongo_database.plays.find().limit(2)
    assert moved["lyric_id"] != other["lyric_id"]
    mongo_database.plays.update_one(
        {"_id": moved["_id"]}, {"$set": {"lyric_id": other["lyric_id"]}}
    )
    project.run("changes-to-cassandra", **environment)
    assert_served(keyspace, mongo_database)

    for table in ("lyrics_by_id", "lyrics_by_artist", "artists_by_id", "meetups_by_month"):
        assert keyspace.execute(f"SELECT * FROM {{}}.{table} LIMIT 1") == []
