"""A database to tap, and a target in memory for what comes of it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from fixtures.mongo_tapped import Tapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymongo.database import Database

    from fixtures.fix_mongodb import Document, Server


@pytest.fixture
def mongo(mongodb: Server, mongo_database: Database[Document]) -> Tapped:
    """An empty database."""
    return Tapped(mongodb.uri, mongo_database)


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """A tap made in this process takes over signals; pytest gets its own back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
