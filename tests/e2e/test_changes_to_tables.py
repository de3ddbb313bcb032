"""The live application's changes become rows in PostgreSQL, run by Meltano as a cluster runs it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from mixtape.activity import PLAYS, Application
from rap_model.projections import raw_mongo
from rap_model.projections.kinds import KINDS

if TYPE_CHECKING:
    from pymongo.database import Database as Mongo

    from fixtures.fix_meltano import Project
    from fixtures.fix_mongodb import Document, Server

RAW_TABLES = [table for table in raw_mongo.feed().tables if not table.name.endswith("__rejected")]
COLLECTIONS = ("artists", "lyrics", "meetups", "registrations", "plays")


class Changes:
    """The project on a MongoDB database."""

    def __init__(self, project: Project, server: Server, database: Mongo[Document]) -> None:
        self._project = project
        self._database = database
        self._environment = {
            "TAP_MONGODB_MONGODB_CONNECTION_STRING": server.uri,
            "TAP_MONGODB_DATABASE": database.name,
        }

    def run(self) -> dict[str, int]:
        """Run the job; return the rows that came, by stream."""
        run_id = str(uuid.uuid4())
        self._project.run("changes-to-postgres", MELTANO_RUN_ID=run_id, **self._environment)
        return dict(
            self._project.rows(
                f"select stream, rows_in from raw_mongo._sdc_loads where run_id = '{run_id}'"
            )
        )

    def check(self) -> None:
        """Compare what the tables and the collections hold."""
        for name in COLLECTIONS:
            kept = self._database[name].find({}, {"_id": 1})
            alive = f"select _id from raw_mongo.{name} where _sdc_deleted_at is null"
            assert {key for (key,) in self._project.rows(alive)} == {each["_id"] for each in kept}
        statuses: list[Any] = self._project.rows(
            "select _id, status from raw_mongo.registrations where _sdc_deleted_at is null"
        )
        assert dict(statuses) == {
            each["_id"]: each["status"] for each in self._database.registrations.find()
        }


def test_a_second_run_takes_only_the_changes(
    project: Project, mongodb: Server, mongo_database: Mongo[Document]
) -> None:
    application = Application(mongo_database, seed=7)
    begun = application.begin()
    changes = Changes(project, mongodb, mongo_database)
    first = changes.run()
    assert sum(first.get(name, 0) for name in COLLECTIONS) == begun
    assert first["plays"] == PLAYS
    changes.check()

    made = application.go_on(60)
    second = changes.run()
    assert second["plays"] == second["plays__changes"] == made["play"] > 0
    assert second["lyrics__changes"] == made["edit"]
    assert second["registrations__changes"] == made["attend"] + made["cancel"] + made["delete"]
    assert second["artists"] == second["meetups"] == 0
    changes.check()
    assert_tables_are_those_of_the_dbt_source(project)
    (deleted,) = project.rows(
        "select count(*) from raw_mongo.registrations where _sdc_deleted_at is not null"
    )
    assert deleted == (made["delete"],)


def assert_tables_are_those_of_the_dbt_source(project: Project) -> None:
    """Compare the columns that the loader made with those that are declared."""
    found = project.rows(
        "select table_name, column_name, data_type from information_schema.columns"
        " where table_schema = 'raw_mongo'"
    )
    assert set(found) == {
        (table.name, column.name, KINDS[column.kind].dbt)
        for table in RAW_TABLES
        for column in table.columns
    }
