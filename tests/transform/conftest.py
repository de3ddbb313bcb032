"""A warehouse built once for all tests of this room, from the authored corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from mixtape.services.postgres import conninfo_uri
from transform import expected
from transform.application import Application
from transform.growing import Growing, grown
from transform.mongo_feed import MongoFeed
from transform.rap_files import RapFiles
from transform.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixtures.fix_postgres import MakeDatabase


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
        files.put_corpus()
        yield files


@pytest.fixture(scope="session")
def application(warehouse: Warehouse, files: RapFiles, project_root: Path) -> Application:
    """The live application in raw tables: generated documents, and changes of each kind.

    Of some entities it speaks as files do, earlier, later and at the same time.
    """
    feed = MongoFeed(conninfo_uri(warehouse.uri, "loader"), project_root)
    application = Application(feed)
    application.begin()
    application.dispute(files)
    # Of plays whose lyric was deleted a test warns, and here every test is to pass.
    with feed.load() as load:
        application.go_on(load, 60, without="lyric_deleted")
    with feed.load(finish=False) as load:
        application.go_on(load, 20, without="lyric_deleted")
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
    with grown(make_database, project_root, tmp_path_factory.mktemp("dbt")) as growing:
        growing.build()
        growing.check()
        yield growing
