"""Raw tables as the loader leaves them, written file by file, and what each file holds now.

A stand-in for tap and target that writes the tables' documented shape (docs/interfaces.md). It
also remembers the documents of each file's last readable version, which is all that the
independent calculation in `expected.py` knows: no etag, no version rule, no SQL.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

BUCKET = "raps"
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
        self.clock = 1_767_225_600_000_000  # 2026-01-01
        ddl = project_root / "extract" / "rap_model" / "generated" / "raw_files.sql"
        connection.execute("set search_path = raw_files")
        connection.execute(ddl.read_bytes())

    def put(self, key: str, *documents: Record) -> None:
        """Load a new version of ``key``, whose first folder names the documents' kind."""
        file = self._new_version(key)
        file.documents = list(documents)
        file.current_etag = f"{key}-v{file.versions}"
        file.listed_at = self.clock
        kind = key.partition("/")[0]
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
        self.connection.execute(
            sql.SQL("insert into {} ({}) values ({}) on conflict do nothing").format(
                sql.Identifier(table), columns, values
            ),
            list(row.values()),
        )

    def remove(self, key: str) -> None:
        """Let ``key`` vanish from the bucket: its rows stay, its file is marked."""
        del self.files[key]
        self.connection.execute(
            "update _files set deleted_at = now(), _sdc_deleted_at = now() where key = %s", [key]
        )

    def delete_row(self, table: str, key: str, **entity: str) -> None:
        """Mark one row of a raw table deleted, as a target does on a delete record."""
        (name, value) = next(iter(entity.items()))
        self.connection.execute(
            sql.SQL(
                "update {} set _sdc_deleted_at = now() where _sdc_source_file = %s and {} = %s"
            ).format(sql.Identifier(table), sql.Identifier(name)),
            [key, value],
        )

    def finish_load(self) -> None:
        """Record that a run loaded every stream and finished now."""
        for stream in KEYS:
            self.connection.execute(
                "insert into _sdc_loads (run_id, stream, rows_in, started_at, finished_at)"
                " values (gen_random_uuid()::text, %s, 0, now(), now())",
                [stream],
            )

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
        values = [Jsonb(v) if isinstance(v, (list, dict)) else v for v in row.values()]
        update = sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in row
        )
        self.connection.execute(
            sql.SQL("insert into {} ({}) values ({}) on conflict ({}) do update set {}").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join(sql.Placeholder() * len(row)),
                sql.SQL(", ").join(map(sql.Identifier, conflict)),
                update,
            ),
            values,
        )
