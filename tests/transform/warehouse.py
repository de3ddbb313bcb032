"""One warehouse under test: a database with the project's roles, and dbt run on it for real."""

from __future__ import annotations

import io
import json
import os
from contextlib import contextmanager, redirect_stderr
from typing import TYPE_CHECKING, Any
from unittest import mock

import psycopg
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from psycopg import sql
from psycopg.rows import dict_row

from mixtape.services.postgres import client_environment, conninfo_uri, make_roles
from mixtape.warehouse import build
from transform.expected.rows import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mixtape.warehouse import Outcome
    from transform.expected.rows import Row, Rows

MARTS = (
    "marts.dim_artists",
    "marts.dim_dates",
    "marts.dim_lyrics",
    "marts.dim_meetups",
    "marts.fct_artist_months",
    "marts.fct_loads",
    "marts.fct_lyric_credits",
    "marts.fct_lyric_days",
    "marts.fct_lyric_releases",
    "marts.fct_meetup_performances",
    "marts.fct_meetups",
    "marts.fct_plays",
    "marts.fct_rap_changes",
    "marts.fct_registrations",
    "marts.metric_active_artists",
    "marts.metric_load_lag_p95",
    "marts.metric_meetup_attendance_rate",
    "marts.metric_plays",
    "marts.metric_songs_released",
    "restricted.dim_attendees",
    "restricted.dim_lyric_texts",
)


class Warehouse:
    """A database in which the three roles work, and the dbt project pointed at it."""

    def __init__(self, uri: str, project_root: Path, scratch: Path) -> None:
        """Make roles and schemas in the database at ``uri``; dbt writes to ``scratch``."""
        self.uri = uri
        self.target = scratch / "target"
        self.environment = client_environment(uri) | {
            "DBT_PROJECT_DIR": str(project_root / "transform"),
            "DBT_PROFILES_DIR": str(project_root / "transform"),
            "DBT_TARGET": "ci",
            "DBT_TARGET_PATH": str(self.target),
            # In this process dbt would leave its log file open.
            "DBT_LOG_LEVEL_FILE": "none",
            "DBT_USE_COLORS": "false",
        }
        make_roles(uri)
        self.said = ""
        self._parsed: Manifest | None = None

    def dbt(self, *arguments: str) -> dict[str, str]:
        """Run dbt, which must succeed; return the status of each node by its name."""
        # A manifest that was run is spent: dbt leaves what it compiled in it.
        manifest = self._parse().deepcopy()  # type: ignore[no-untyped-call]
        with mock.patch.dict(os.environ, self.environment):
            done = dbtRunner(manifest).invoke(["--quiet", *arguments])
        results = getattr(done.result, "results", [])
        failed = [(r.node.name, r.message) for r in results if r.status in ("error", "fail")]
        assert done.success, failed or done.exception or done.result
        return {result.node.name: str(result.status) for result in results}

    def build(self, *, full_refresh: bool = False) -> Outcome:
        """Run `mixtape build`, keeping in `said` the lines that it writes.

        Raises:
            BuildError: a stage stopped it.
        """
        said = io.StringIO()
        try:
            with mock.patch.dict(os.environ, self.environment), redirect_stderr(said):
                return build(full_refresh=full_refresh)
        finally:
            self.said = said.getvalue()

    @contextmanager
    def connect(self, role: str) -> Iterator[psycopg.Connection]:
        """Connect as one of the project's roles; each statement commits."""
        with psycopg.connect(conninfo_uri(self.uri, role), autocommit=True) as connection:
            yield connection

    def rows(self, relation: str) -> list[Row]:
        """Return a relation's rows as the transformer sees them."""
        schema, name = relation.split(".")
        with self.connect("transformer") as connection:
            cursor = connection.cursor(row_factory=dict_row)
            query = sql.SQL("select * from {}").format(sql.Identifier(schema, name))
            return cursor.execute(query).fetchall()

    def marts(self) -> dict[str, Rows]:
        """Return the rows of every mart and restricted table, as multisets."""
        return {name: counted(self.rows(name)) for name in MARTS}

    def manifest(self) -> dict[str, Any]:
        """Return what dbt wrote about the project when it last parsed it."""
        self._parse()
        found: dict[str, Any] = json.loads((self.target / "manifest.json").read_text())
        return found

    def _parse(self) -> Manifest:
        """Read the project, once."""
        if self._parsed is None:
            with mock.patch.dict(os.environ, self.environment):
                parsed = dbtRunner().invoke(["--quiet", "parse"])
            assert isinstance(parsed.result, Manifest), parsed.exception
            self._parsed = parsed.result
        return self._parsed
