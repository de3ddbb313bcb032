"""A warehouse in which loads and builds take turns, compared with the calculation after each."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from mixtape.services.postgres import conninfo_uri
from transform import expected
from transform.application import Application
from transform.expected.rows import counted, differences
from transform.mongo_feed import MongoFeed
from transform.rap_files import RapFiles
from transform.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from fixtures.fix_postgres import MakeDatabase
    from transform.expected.rows import Row, Rows

Window = tuple[datetime, datetime]

_TOLD = ("name", "country", "spotify_url", "birth_date", "debut_date")


@dataclass
class Version:
    """What was known of an artist: from some time during one build to some time during another."""

    told: dict[str, Any]
    began: Window
    ended: Window | None = None


@dataclass
class Growing:
    """One warehouse, its feeds, and what its history must be."""

    warehouse: Warehouse
    files: RapFiles
    application: Application
    versions: dict[UUID, list[Version]] = field(default_factory=dict)

    @property
    def feed(self) -> MongoFeed:
        """The application's feed."""
        return self.application.feed

    def build(self, *, full_refresh: bool = False) -> None:
        """Build, which must succeed, and remember what was known of artists by then."""
        began = datetime.now(UTC)
        self.warehouse.build(full_refresh=full_refresh)
        self._observe((began, datetime.now(UTC)))

    def check(self) -> None:
        """Compare every mart with the calculation over what the feeds hold."""
        wanted = expected.marts(self.told())
        found = self.warehouse.marts()
        assert differences(found, wanted) == {}
        self._check_versions()

    def told(self) -> expected.Input:
        """Return what the feeds hold."""
        return expected.Input(self.files.files, self.files.loads, self.feed.held)

    def _observe(self, window: Window) -> None:
        """Do by hand what a snapshot does: end what changed or vanished, begin what is new."""
        artists = {
            dict(row)["artist_id"]: {name: dict(row)[name] for name in _TOLD}
            for row in expected.marts(self.told())["marts.dim_artists"]
        }
        current = {key: v[-1] for key, v in self.versions.items() if v[-1].ended is None}
        for key, version in current.items():
            if artists.get(key) != version.told:
                version.ended = window
        for key, told in artists.items():
            if key not in current or current[key].ended:
                self.versions.setdefault(key, []).append(Version(told, window))

    def _check_versions(self) -> None:
        found: dict[UUID, list[Row]] = {}
        for row in self.warehouse.rows("marts.dim_artist_versions"):
            found.setdefault(row["artist_id"], []).append(row)
        assert set(found) == set(self.versions)
        for key, versions in self.versions.items():
            rows = sorted(found[key], key=lambda row: row["valid_from"])
            assert len(rows) == len(versions), rows
            for row, version in zip(rows, versions, strict=True):
                assert {name: row[name] for name in _TOLD} == version.told
                assert within(row["valid_from"], version.began), (row, version)
                assert within(row["valid_to"], version.ended), (row, version)
                assert row["is_current"] == (version.ended is None)


@contextmanager
def grown(make_database: MakeDatabase, project_root: Path, scratch: Path) -> Iterator[Growing]:
    """Fill raw tables of a new database, whose times are not UTC's unless somebody says so."""
    database = make_database()
    name = str(database.settings["database"])
    with database.connect() as connection:
        connection.execute(
            sql.SQL("alter database {} set timezone = 'Asia/Kathmandu'").format(
                sql.Identifier(name)
            )
        )
    warehouse = Warehouse(database.uri, project_root, scratch)
    loader = conninfo_uri(warehouse.uri, "loader")
    with psycopg.connect(loader, autocommit=True) as connection:
        files = RapFiles(connection, project_root)
        files.put_corpus()
        application = Application(MongoFeed(loader, project_root), seed=2)
        application.begin()
        application.dispute(files)
        yield Growing(warehouse, files, application)
    make_database.drop(name)


def within(time: datetime | None, window: Window | None) -> bool:
    """Tell whether a time is in a window, or there is neither."""
    if time is None or window is None:
        return time is None and window is None
    return window[0] <= time <= window[1]


def snapshot(warehouse: Warehouse) -> dict[str, Rows]:
    """Return every public row, the history's too."""
    versions = counted(warehouse.rows("marts.dim_artist_versions"))
    return warehouse.marts() | {"marts.dim_artist_versions": versions}
