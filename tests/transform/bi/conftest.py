"""A warehouse as analysts meet it: both feeds, built and published by `mixtape build`."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from mixtape.services.postgres import conninfo_uri
from rap_model import Artist, Lyric, Meetup
from rap_model.authored import SUFFIXES, read
from transform.bi.live_application import LiveApplication
from transform.rap_files import RapFiles
from transform.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixtures.fix_postgres import MakeDatabase


class Published(Warehouse):
    """A published warehouse, and what its live application did."""

    live: LiveApplication

    def mixtape(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the `mixtape` command on this warehouse."""
        return subprocess.run(
            [sys.executable, "-m", "mixtape", *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="package")
def published(
    make_database: MakeDatabase, project_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Published]:
    """The authored corpus and a little of a live application, published."""
    database = make_database()
    made = Published(database.uri, project_root, tmp_path_factory.mktemp("bi"))
    with psycopg.connect(conninfo_uri(made.uri, "loader"), autocommit=True) as connection:
        files = RapFiles(connection, project_root)
        for kind, model in (("artists", Artist), ("lyrics", Lyric), ("meetups", Meetup)):
            for path in sorted((project_root / "extract" / "raps" / kind).iterdir()):
                if path.suffix in SUFFIXES:
                    documents = [model.read(each.content) for each in read(path)]
                    files.put(f"{kind}/{path.name}", *documents)
        files.finish_load()
        made.live = LiveApplication(connection, project_root)
    done = made.mixtape("build")
    assert done.returncode == 0, done.stdout + done.stderr
    yield made
    make_database.drop(str(database.settings["database"]))
