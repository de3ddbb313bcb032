"""A database to tap, and a target in memory for what comes of it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from fixtures.mongo_proxies import DocumentDb
from fixtures.mongo_tapped import Tapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymongo.database import Database

    from fixtures.fix_mongodb import Document, Server


@pytest.fixture(scope="session")
def documentdb(mongodb: Server) -> Iterator[DocumentDb]:
    """The server of this run, as Amazon DocumentDB would be."""
    host, port = mongodb.client.address or ("127.0.0.1", 27017)
    proxy = DocumentDb(host, port)
    yield proxy
    proxy.close()


@pytest.fixture(params=["mongodb", "documentdb"])
def mongo(
    request: pytest.FixtureRequest, mongodb: Server, mongo_database: Database[Document]
) -> Tapped:
    """An empty database, to be read as MongoDB's and as DocumentDB's: both are equal sources."""
    if request.param == "mongodb":
        return Tapped(mongodb.uri, mongo_database)
    proxy: DocumentDb = request.getfixturevalue("documentdb")
    return Tapped(proxy.uri, mongo_database)


@pytest.fixture
def mongod(mongodb: Server, mongo_database: Database[Document]) -> Tapped:
    """An empty database of a server that can all that MongoDB can."""
    return Tapped(mongodb.uri, mongo_database)


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """A tap made in this process takes over signals; pytest gets its own back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
