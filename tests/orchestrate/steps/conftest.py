"""A run of the steps without its tap: what the tap would say is the test's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from mixtape.pipeline import Pipeline
from mixtape.steps.messages import Message
from mixtape.steps.run import Run
from mixtape.steps.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from fixtures.fix_postgres import Database

FIELDS: dict[str, dict[str, Any]] = {
    "artists": {
        "artist_id": {"type": "string"},
        "name": {"type": "string"},
        "updated_at": {"type": "string", "format": "date-time"},
    },
    "plays": {
        "play_id": {"type": "string"},
        "artist_id": {"type": ["string", "null"]},
        "seconds": {"type": ["number", "null"]},
        "is_live": {"type": "boolean"},
    },
}
_KEYS = {"artists": ["artist_id"], "plays": ["play_id"]}


class Say(Protocol):
    """Lets the tap say records."""

    def __call__(self, module: ModuleType, **records: list[dict[str, Any]]) -> None:
        """Let ``module`` read these records, by stream."""
        ...


@pytest.fixture
def run(database: Database) -> Iterator[Run]:
    """A run whose tables are empty."""
    with database.connect() as connection:
        connection.autocommit = True
        yield Run("a-run", Pipeline("tap", "target", "ci"), Tables(connection, "public"))


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Say:
    """Put records in the place of the tap's."""

    def put(module: ModuleType, **records: list[dict[str, Any]]) -> None:
        found = [
            Message("SCHEMA", name, schema={"properties": FIELDS[name]}, key_properties=_KEYS[name])
            for name in FIELDS
        ]
        found += [
            Message("RECORD", name, record={"_sdc_source_lineno": 1, **record})
            for name, several in records.items()
            for record in several
        ]
        monkeypatch.setattr(module, "messages", lambda _: iter(found))

    return put
