"""Raw tables as the loader leaves them, written file by file, and what each file holds now.

A stand-in for tap and target that writes the tables' documented shape (docs/interfaces.md). It
also remembers the documents of each file's last readable version and the loads, which is all that
the independent calculation in `expected` knows: no etag, no version rule, no SQL.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.types.json import Jsonb

from rap_model import Artist, Lyric, Meetup
from rap_model.authored import SUFFIXES, read
from transform.raw_loads import Run, StreamLoad

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta
    from pathlib import Path

    import psycopg

    from rap_model.base import Entity

BUCKET = "raps"
_MODELS: dict[str, type[Entity]] = {"artists": Artist, "lyrics": Lyric, "meetups": Meetup}
KEYS = {
    "artists": ("artist_id",),
    "lyrics": ("lyric_id",),
    "lyric_credits": ("lyric_id", "artist_id", "role"),
    "meetups": ("meetup_id",),
    "performances": ("meetup_id", "lyric_id", "artist_id"),
}
EXPLODED = {"lyrics": ("credits", "lyric_credits"), "meetups": ("performances", "performances")}
LINES_PER_DOCUMENT = 20

Record = dict[str, Any]


@dataclass
class File:
    """One file: its versions so far, and the documents of the last one that could be read."""

    versions: int = 0
    current_etag: str | None = None
    listed_at: int = 0
    """Microseconds since 1970 at which the current version was first listed."""
    documents: list[Record] = field(default_factory=list)


class RapFiles:
    """The files of one bucket and the raw tables they were loaded into."""

    def __init__(self, connection: psycopg.Connection, project_root: Path) -> None:
        """Make the raw tables over ``connection``, the loader's."""
        self.connection = connection
        self.files: dict[str, File] = {}
        self.loads: list[StreamLoad] = []
        self._corpus = project_root / "extract" / "raps"
        self._run: Run | None = None
        # An hour ago, so that a hundred files later it is still in the past.
        self.clock = (int(time.time()) - 3600) * 1_000_000
        ddl = project_root / "extract" / "rap_model" / "generated" / "raw_files.sql"
        connection.execute("set search_path = raw_files")
        connection.execute(ddl.read_bytes())

    def put_corpus(self) -> None:
        """Load the authored files, and finish."""
        for kind, model in _MODELS.items():
            for path in sorted((self._corpus / kind).iterdir()):
                if path.suffix in SUFFIXES:
                    documents = [model.read(each.content) for each in read(path)]
                    self.put(f"{kind}/{path.name}", *documents)
        self.finish_load()

    def put(self, key: str, *documents: Record) -> None:
        """Load a new version of ``key``, whose first folder names the documents' kind."""
        file = self._new_version(key)
        file.documents = list(documents)
        file.current_etag = f"{key}-v{file.versions}"
        file.listed_at = self.clock
        kind = key.partition("/")[0]
        with self._loading():
            for position, document in enumerate(documents):
                lineage = self._lineage(key, file.current_etag, position)
                self._upsert(kind, document | lineage, KEYS[kind])
                if kind not in EXPLODED:
                    continue
                elements, child = EXPLODED[kind]
                parent = {name: document[name] for name in KEYS[kind]}
                for element in document[elements]:
                    self._upsert(child, parent | element | lineage, KEYS[child])
            self._upsert_file(key, etag=file.current_etag, rows=len(documents), rejected=0)

    def put_unreadable(self, key: str) -> None:
        """Load a version of ``key`` that nothing could be read from: it is rejected whole."""
        file = self._new_version(key)
        etag = f"{key}-v{file.versions}"
        with self._loading():
            self.reject(key, etag)
            self._upsert_file(key, rows=0, rejected=1)

    def reject(self, key: str, etag: str) -> None:
        """Put one fault of that version of ``key`` into its stream's quarantine."""
        fault = {
            "source_key": f"{BUCKET}/{key}#1",
            "error_path": "$",
            "error_code": "yaml_invalid",
            "error_message": "must be YAML",
            "payload": None,
            "_sdc_rejected_at": "2026-01-01T00:00:00Z",
        }
        lineage = self._lineage(key, etag, 0)
        del lineage["_sdc_extra"]
        table = f"{key.split('/', maxsplit=1)[0]}__rejected"
        row = fault | lineage
        columns = sql.SQL(", ").join(map(sql.Identifier, row))
        values = sql.SQL(", ").join(sql.Placeholder() * len(row))
        with self._loading() as run:
            self.connection.execute(
                sql.SQL("insert into {} ({}) values ({}) on conflict do nothing").format(
                    sql.Identifier(table), columns, values
                ),
                list(row.values()),
            )
            run.stream(table).add(self.clock, rows_inserted=1)

    def remove(self, key: str) -> None:
        """Let ``key`` vanish from the bucket: its rows stay, its file is marked."""
        del self.files[key]
        with self._loading() as run:
            self.connection.execute(
                "update _files set deleted_at = now(), _sdc_deleted_at = now() where key = %s",
                [key],
            )
            run.stream("_files").add(self.clock, rows_deleted=1)

    def delete_row(self, table: str, key: str, **entity: str) -> None:
        """Mark one row of a raw table deleted, as a target does on a delete record."""
        (name, value) = next(iter(entity.items()))
        with self._loading() as run:
            self.connection.execute(
                sql.SQL(
                    "update {} set _sdc_deleted_at = now() where _sdc_source_file = %s and {} = %s"
                ).format(sql.Identifier(table), sql.Identifier(name)),
                [key, value],
            )
            run.stream(table).add(self.clock, rows_deleted=1)

    def lose(self, key: str) -> None:
        """Let a file's rows vanish from its stream, of which no load knows."""
        self.connection.execute(
            sql.SQL("delete from {} where _sdc_source_file = %s").format(
                sql.Identifier(key.partition("/")[0])
            ),
            [key],
        )

    def finish_load(self) -> None:
        """Let the load that has brought what was put so far, or nothing, finish now."""
        with self._loading() as run:
            run.finish((*KEYS, "_files"))
        self._run = None

    def age_loads(self, age: timedelta) -> None:
        """Let every load be that much older."""
        self.connection.execute(
            "update _sdc_loads set started_at = started_at - %(age)s,"
            " finished_at = finished_at - %(age)s",
            {"age": age},
        )
        for load in self.loads:
            load.started_at -= age
            if load.finished_at:
                load.finished_at -= age

    @contextmanager
    def _loading(self) -> Iterator[Run]:
        """Write in one transaction, together with what the load counts."""
        self._run = self._run or Run(self.connection, "raw_files", self.loads)
        with self.connection.transaction():
            yield self._run
            self._run.write()
        self._run.committed()

    def _new_version(self, key: str) -> File:
        self.clock += 1_000_000
        file = self.files.setdefault(key, File())
        file.versions += 1
        return file

    def _lineage(self, key: str, etag: str, position: int) -> Record:
        return {
            "_sdc_source_bucket": BUCKET,
            "_sdc_source_file": key,
            "_sdc_source_lineno": 1 + position * LINES_PER_DOCUMENT,
            "_sdc_source_etag": etag,
            "_sdc_extra": None,
            "_sdc_lsn": self.clock,
        }

    def _upsert_file(self, key: str, **facts: Any) -> None:
        row = {
            "bucket": BUCKET,
            "key": key,
            "seen_etag": f"{key}-v{self.files[key].versions}",
            "deleted_at": None,
            "_sdc_deleted_at": None,
            "_sdc_lsn": self.clock,
        }
        self._upsert("_files", row | facts, ("bucket", "key"), lineage=False)

    def _upsert(
        self, table: str, row: Record, key: tuple[str, ...], *, lineage: bool = True
    ) -> None:
        """Write a row as the target does: an absent field keeps what the table has."""
        conflict = ("_sdc_source_file", *key) if lineage else key
        row = row | {"_sdc_batched_at": datetime.now(UTC)}
        values = [Jsonb(v) if isinstance(v, (list, dict)) else v for v in row.values()]
        update = sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in row
        )
        done = self.connection.execute(
            sql.SQL(
                "insert into {} ({}) values ({}) on conflict ({}) do update set {}"
                " returning xmax = 0"
            ).format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join(sql.Placeholder() * len(row)),
                sql.SQL(", ").join(map(sql.Identifier, conflict)),
                update,
            ),
            values,
        ).fetchone()
        assert self._run is not None
        counted = "rows_inserted" if done and done[0] else "rows_updated"
        self._run.stream(table).add(self.clock, **{counted: 1})
