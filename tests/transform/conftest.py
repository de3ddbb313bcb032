"""A warehouse built once for all tests of this room, from the authored corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from mixtape.services.postgres import conninfo_uri
from rap_model import Artist, Lyric, Meetup
from rap_model.authored import SUFFIXES, read
from transform import expected
from transform.application import Application
from transform.growing import Growing
from transform.mongo_feed import MongoFeed
from transform.rap_files import RapFiles
from transform.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixtures.fix_postgres import MakeDatabase
    from rap_model.base import Entity

_MODELS: dict[str, type[Entity]] = {"artists": Artist, "lyrics": Lyric, "meetups": Meetup}


@pytest.fixture(scope="session")
def warehouse(
    make_database: MakeDatabase, project_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    """A database with the project's roles and nothing in it yet."""
    database = make_database()
    yield Warehouse(database.uri, project_root, tmp_path_factory.mktemp("dbt"))
    make_database.drop(str(database.settings["database"]))


@pytest.fixture(scope="session")
def files(warehouse: Warehouse, project_root: Path) -> Iterator[RapFiles]:
    """The authored corpus in raw tables, file by file, loaded by the loader's own role."""
    with psycopg.connect(conninfo_uri(warehouse.uri, "loader"), autocommit=True) as connection:
        files = RapFiles(connection, project_root)
        put_corpus(files, project_root)
        yield files


def put_corpus(files: RapFiles, project_root: Path) -> None:
    """Load the authored files."""
    source = project_root / "extract" / "raps"
    for kind, model in _MODELS.items():
        for path in sorted((source / kind).iterdir()):
            if path.suffix in SUFFIXES:
                documents = [model.read(each.content) for each in read(path)]
                files.put(f"{kind}/{path.name}", *documents)
    files.finish_load()


@pytest.fixture(scope="session")
def application(warehouse: Warehouse, files: RapFiles, project_root: Path) -> Application:
    """The live application in raw tables: generated documents, and changes of each kind.

    Of some entities it speaks as files do, earlier, later and at the same time.
    """
    feed = MongoFeed(conninfo_uri(warehouse.uri, "loader"), project_root)
    application = Application(feed)
    application.begin()
    application.dispute(files)
    with feed.load() as load:
        application.go_on(load, 60)
    with feed.load(finish=False) as load:
        application.go_on(load, 20)
    return application


@pytest.fixture(scope="session")
def told(files: RapFiles, application: Application) -> expected.Input:
    """What both feeds hold, now and whenever it is asked."""
    return expected.Input(files.files, files.loads, application.feed.held)


@pytest.fixture(scope="session")
def built(warehouse: Warehouse, told: expected.Input) -> dict[str, str]:
    """The status of every model and test of one whole `dbt build` over both feeds."""
    return warehouse.dbt("build")


@pytest.fixture(scope="session")
def growing(
    make_database: MakeDatabase, project_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Growing]:
    """A warehouse in which loads and builds take turns, on a server that is not on UTC."""
    database = make_database()
    with database.connect() as connection:
        name = sql.Identifier(str(database.settings["database"]))
        connection.execute(
            sql.SQL("alter database {} set timezone = 'Asia/Kathmandu'").format(name)
        )
    warehouse = Warehouse(database.uri, project_root, tmp_path_factory.mktemp("dbt"))
    with psycopg.connect(conninfo_uri(warehouse.uri, "loader"), autocommit=True) as connection:
        files = RapFiles(connection, project_root)
        put_corpus(files, project_root)
        application = Application(
            MongoFeed(conninfo_uri(warehouse.uri, "loader"), project_root), seed=2
        )
        application.begin()
        application.dispute(files)
        growing = Growing(warehouse, files, application)
        growing.build()
        growing.check()
        yield growing
    make_database.drop(str(database.settings["database"]))
