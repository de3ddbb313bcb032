"""Raw tables of the live application as the loader leaves them, and the documents that live.

A stand-in for tap-mongodb and target-postgres that writes the tables' documented shape
(docs/interfaces.md) with the loader's role. It also remembers what was committed: each
collection's documents, the changes and the loads, which is all that `expected` knows.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from rap_model import Artist, Lyric, Meetup, Play, Registration
from transform.raw_loads import Run, StreamLoad

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from rap_model.base import Entity

SCHEMA = "raw_mongo"
MODELS: dict[str, type[Entity]] = {
    "artists": Artist,
    "lyrics": Lyric,
    "meetups": Meetup,
    "registrations": Registration,
    "plays": Play,
}
STREAMS = (*MODELS, *(f"{collection}__changes" for collection in MODELS))
_QUARANTINE = re.compile(r"create table (\w+__rejected) \(.*?\);\n", re.DOTALL)

Record = dict[str, Any]


@dataclass(frozen=True)
class Document:
    """A document that lives: its record, and the version of the source that wrote it."""

    record: Record
    version: int


@dataclass(frozen=True)
class Change:
    """One event of the change stream, and when the target put it into a batch."""

    collection: str
    change_id: str
    document_id: str
    operation: str
    changed_at: datetime
    loaded_at: datetime


@dataclass
class Held:
    """What the raw tables hold of committed loads."""

    documents: dict[str, dict[str, Document]] = field(
        default_factory=lambda: {collection: {} for collection in MODELS}
    )
    changes: list[Change] = field(default_factory=list)
    loads: list[StreamLoad] = field(default_factory=list)


class MongoFeed:
    """The application's collections and the raw tables they were loaded into."""

    def __init__(self, uri: str, project_root: Path, *, quarantines: bool = False) -> None:
        """Make the raw tables at ``uri``, the loader's address.

        Quarantine tables come with the first reject, unless ``quarantines`` asks for them now.
        """
        self.uri = uri
        self.held = Held()
        self.version = 0
        """The newest cluster time that was given out: seconds times a million, and a count."""
        ddl = (project_root / "extract" / "rap_model" / "generated" / "raw_mongo.sql").read_text()
        self._quarantines = {found[1]: found[0] for found in _QUARANTINE.finditer(ddl)}
        with self.connect() as connection:
            connection.execute((ddl if quarantines else _QUARANTINE.sub("", ddl)).encode())

    @contextmanager
    def connect(self) -> Iterator[psycopg.Connection]:
        """Connect as the loader; the end of the block commits."""
        with psycopg.connect(self.uri, options=f"-csearch_path={SCHEMA}") as connection:
            yield connection

    @contextmanager
    def load(self, *, finish: bool = True) -> Iterator[MongoLoad]:
        """Begin a load and commit it at the end of the block; without ``finish`` it never ends."""
        with self.connect() as connection:
            load = MongoLoad(self, connection)
            yield load
            if finish:
                load.finish()
            load.commit()

    def tick(self, lag: timedelta) -> int:
        """Return the cluster time of an event ``lag`` ago, after all that were given out."""
        at = int((datetime.now(UTC) - lag).timestamp())
        self.version = max(self.version + 1, at * 1_000_000)
        return self.version

    def make_quarantine(self, connection: psycopg.Connection, collection: str) -> None:
        """Make the table of a collection's rejects, unless it is there."""
        make = self._quarantines[f"{collection}__rejected"]
        connection.execute(make.replace("create table", "create table if not exists", 1).encode())


class MongoLoad:
    """One load over a connection of its own: nothing is seen, or remembered, until `commit`."""

    def __init__(self, feed: MongoFeed, connection: psycopg.Connection) -> None:
        """Begin a load of ``feed`` over ``connection``, whose transactions are the load's."""
        self.feed = feed
        self.connection = connection
        self.run = Run(connection, SCHEMA, feed.held.loads)
        self._remember: list[Callable[[Held], object]] = []

    def snapshot(self, collection: str, documents: Iterable[Record]) -> None:
        """Load documents as an application wrote them, by the snapshot: no change comes along."""
        for document in documents:
            self.put(collection, MODELS[collection].read(document), change=None)

    def put(
        self,
        collection: str,
        record: Record,
        *,
        key: str | None = None,
        change: str | None = "insert",
        lag: timedelta = timedelta(0),
    ) -> str:
        """Load a document whole; return its `_id`, which is its entity's id unless given."""
        key = key or str(record[f"{collection.removesuffix('s')}_id"])
        version = self.feed.tick(lag)
        self._write(collection, {"_id": key, **record, "_sdc_extra": None}, version)
        self._remember.append(
            lambda held: held.documents[collection].update({key: Document(record, version)})
        )
        if change:
            self._event(collection, key, change, version, record)
        return key

    def copy(self, collection: str, records: Iterable[Record]) -> None:
        """Load many new documents at once, which are not remembered."""
        version, now = self.feed.tick(timedelta(0)), datetime.now(UTC)
        identity = f"{collection.removesuffix('s')}_id"
        names = [*MODELS[collection].model_fields, "_id", "_sdc_lsn", "_sdc_batched_at"]
        names.remove("schema_version")
        number = 0
        with self.connection.cursor().copy(
            sql.SQL("copy {} ({}) from stdin").format(
                sql.Identifier(SCHEMA, collection), sql.SQL(", ").join(map(sql.Identifier, names))
            )
        ) as copy:
            for record in records:
                number += 1
                row = {**record, "_id": record[identity], "_sdc_lsn": version}
                copy.write_row([{**row, "_sdc_batched_at": now}[name] for name in names])
        load = self.run.stream(collection)
        load.rows_in += number
        load.rows_inserted += number
        load.first_lsn = load.first_lsn or version
        load.last_lsn = version

    def delete(self, collection: str, key: str, *, lag: timedelta = timedelta(0)) -> None:
        """Load the delete of a document: a record of its key alone."""
        version = self.feed.tick(lag)
        now = datetime.now(UTC)
        self._write(collection, {"_id": key, "_sdc_deleted_at": now}, version)
        self._remember.append(lambda held: held.documents[collection].pop(key, None))
        self._event(collection, key, "delete", version, None)

    def spoil(self, collection: str, key: str, record: Record) -> None:
        """Load a document as the contract does not have it; what it should be is remembered."""
        version = self.feed.tick(timedelta(0))
        self._write(collection, {"_id": key, **record}, version)

    def replay(self, collection: str, key: str) -> None:
        """Load a document once more as it is held: it is counted, and nothing is written."""
        held = self.feed.held.documents[collection][key]
        self.run.stream(collection).add(held.version, rows_stale=1)

    def reject(self, collection: str, *, by_target: bool = False) -> None:
        """Put a document into quarantine, refused by the tap or by the target."""
        self.feed.make_quarantine(self.connection, collection)
        version = self.feed.tick(timedelta(0))
        now = datetime.now(UTC)
        row = {
            "source_key": f"raps.{collection}/{version}",
            "error_path": "$",
            "error_code": "object_expected",
            "error_message": "must be an object",
            "_sdc_lsn": version,
            "_sdc_rejected_at": now,
            "_sdc_batched_at": now,
        }
        self._upsert(f"{collection}__rejected", row, ("source_key", "error_path", "error_code"))
        if by_target:
            self.run.stream(collection).add(rows_rejected=1)
        else:
            self.run.stream(f"{collection}__rejected").add(version, rows_inserted=1)

    def finish(self) -> None:
        """Say that every stream has had all its rows."""
        self.run.finish(STREAMS)

    def flush(self) -> None:
        """Write the counts beside the rows, without committing either."""
        self.run.write()

    def commit(self) -> None:
        """Commit what was written since the last time, and remember it."""
        self.flush()
        self.connection.commit()
        self.run.committed()
        for remember in self._remember:
            remember(self.feed.held)
        self._remember = []

    def _event(
        self, collection: str, key: str, operation: str, version: int, record: Record | None
    ) -> None:
        """Write an event of the change stream, whose time is to the second."""
        changed_at = datetime.fromtimestamp(version // 1_000_000, UTC)
        row = {
            "replication_key": f"82{version:016x}",
            "object_id": key,
            "document": record,
            "operation_type": operation,
            "cluster_time": changed_at,
            "namespace": {"database": "raps", "collection": collection},
        }
        loaded_at = self._write(f"{collection}__changes", row, version, key="replication_key")
        change = Change(
            collection, str(row["replication_key"]), key, operation, changed_at, loaded_at
        )
        self._remember.append(lambda held: held.changes.append(change))

    def _write(self, stream: str, row: Record, version: int, *, key: str = "_id") -> datetime:
        """Write a row and count it; return when it was put into a batch."""
        now = datetime.now(UTC)
        singer = {
            "_sdc_lsn": version,
            "_sdc_extracted_at": now,
            "_sdc_received_at": now,
            "_sdc_batched_at": now,
            "_sdc_deleted_at": row.get("_sdc_deleted_at"),
            "_sdc_sequence": int(now.timestamp() * 1000),
        }
        inserted = self._upsert(stream, row | singer, (key,))
        done = "rows_deleted" if singer["_sdc_deleted_at"] else "rows_updated"
        self.run.stream(stream).add(version, **{"rows_inserted" if inserted else done: 1})
        return now

    def _upsert(self, table: str, row: Record, key: tuple[str, ...]) -> bool:
        """Write a row as the target does, never back in version; tell whether it is a new one."""
        values = [Jsonb(v) if isinstance(v, (list, dict)) else v for v in row.values()]
        done = self.connection.execute(
            sql.SQL(
                "insert into {table} as held ({names}) values ({values})"
                " on conflict ({key}) do update set {update}"
                " where held._sdc_lsn < excluded._sdc_lsn returning xmax = 0"
            ).format(
                table=sql.Identifier(SCHEMA, table),
                names=sql.SQL(", ").join(map(sql.Identifier, row)),
                values=sql.SQL(", ").join(sql.Placeholder() * len(row)),
                key=sql.SQL(", ").join(map(sql.Identifier, key)),
                update=sql.SQL(", ").join(
                    sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in row
                ),
            ),
            values,
        ).fetchone()
        return bool(done and done[0])
