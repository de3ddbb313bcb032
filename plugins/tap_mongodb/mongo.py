"""The database over pymongo: documents in order, changes, and the server's time."""

from __future__ import annotations

from contextlib import closing, suppress
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, cast

from bson import json_util
from bson.raw_bson import RawBSONDocument
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from singer_kit.errors import ConfigError
from tap_mongodb.answers import Answers, is_passing
from tap_mongodb.brackets import filters_after
from tap_mongodb.client import Form, HistoryGoneError, TokenRefusedError
from tap_mongodb.connection import errors_named, named
from tap_mongodb.feed import LargeFirst, MongoFeed, is_gone, is_too_large
from tap_mongodb.identity import id_of
from tap_mongodb.prefetch import ahead
from tap_mongodb.projection import of_document, of_events

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from bson import Timestamp
    from pymongo import MongoClient
    from pymongo.client_session import ClientSession
    from pymongo.database import Database

    from tap_mongodb.client import Feed, Scope, Start
    from tap_mongodb.projection import Paths
    from tap_mongodb.settings import Settings

ATTEMPTS = 5
"""How often a request is sent again without an answer in between."""
_SWITCHED_OFF, _NO_REPLICA_SET = 136, 40573
_BAD_VALUE = 2
"""What a server says that has no index with a hint's keys."""
_PLAN_KILLED = 175
"""The collection was dropped or renamed while it was read; another may be in its place."""
_BARE = ("operationType", "clusterTime", "ns", "to", "documentKey")
"""What is left of an event that is too large; its token comes by itself."""
_SPLIT: dict[str, Any] = {"$changeStreamSplitLargeEvent": {}}
_BY_ID = (("_id", 1),)


class MongoSource:
    """A database on a server; see :class:`~tap_mongodb.client.Source`."""

    def __init__(
        self,
        client: MongoClient[dict[str, Any]],
        database: Database[RawBSONDocument],
        settings: Settings,
        projections: Mapping[str, Paths] | None = None,
    ) -> None:
        """Take over a client.

        Args:
            client: connected.
            database: what is read.
            settings: the tap's.
            projections: what streams leave out, by name.
        """
        self._projections = projections or {}
        self._client = client
        self._database = database
        self._settings = settings
        self._options: dict[str, dict[str, Any]] = {}
        self._is_hinted = True
        self._session = self._new_session()

    def close(self) -> None:
        """Leave the server."""
        self._session.end_session()
        self._client.close()

    def cluster(self) -> str:
        """Return the replica set's own id, else its name and hosts."""
        with errors_named("server"):
            hello = self._client.admin.command("hello")
            with suppress(OperationFailure):
                config = self._client.admin.command("replSetGetConfig")["config"]
                if found := config.get("settings", {}).get("replicaSetId"):
                    return str(found)
        hosts = hello.get("hosts") or [f"{host}:{port}" for host, port in self._client.nodes]
        return f"{hello.get('setName', 'sharded')}/{','.join(sorted(hosts))}"

    def clock(self) -> Timestamp:
        """Return the operationTime of a read that is finished.

        Raises:
            SourceUnreachableError: the server does not tell it.
        """
        name = next(iter(self._options), "clock")
        with errors_named(f"database {self._database.name!r}"):
            # By its key: some servers read a collection whole to give one document of it.
            self._database[name].find_one({"_id": 0}, {"_id": 1}, session=self._session)
        if (time := self._session.operation_time) is None:
            raise standalone(f"database {self._database.name!r}")
        return time

    def collections(self) -> dict[str, str]:
        """Return the collections with their UUIDs; views and time series have no changes."""
        with errors_named(f"database {self._database.name!r}"):
            found = list(self._client[self._database.name].list_collections())
        found = [
            each
            for each in found
            if each.get("type", "collection") == "collection"
            and not each["name"].startswith("system.")
        ]
        self._options = {each["name"]: each.get("options", {}) for each in found}
        uuids = {each["name"]: each.get("info", {}).get("uuid") for each in found}
        return {name: bytes(uuid).hex() if uuid else "" for name, uuid in sorted(uuids.items())}

    def sample(self, collection: str, size: int) -> list[bytes]:
        """Return some documents, chosen by the server."""
        with errors_named(f"collection {collection!r}"):
            stages: list[dict[str, Any]] = [{"$sample": {"size": size}}]
            if fields := of_document(self._left_out(collection)):
                stages.append({"$project": fields})
            found = self._database[collection].aggregate(stages)
            return [bytes(document.raw) for document in found]

    def has_images(self, collection: str) -> bool:
        """Return whether the collection keeps pre- and post-images."""
        options = self._options.get(collection, {})
        return bool(options.get("changeStreamPreAndPostImages", {}).get("enabled"))

    def fingerprint(self, scope: Scope) -> str:
        """Return a hash of what the change stream is made from."""
        said = json_util.dumps([scope.collection, self._pipeline(scope)], sort_keys=True)
        return blake2b(said.encode(), digest_size=8).hexdigest()

    def can_split(self) -> bool:
        """Ask the server for it; see :class:`~tap_mongodb.client.Source`."""
        stages: list[dict[str, Any]] = [{"$changeStream": {}}, _SPLIT]
        with errors_named(f"database {self._database.name!r}"):
            try:
                self._database.aggregate(stages).close()
            except OperationFailure as error:
                if is_passing(error):
                    raise
                return False
        return True

    def watch(self, scope: Scope, start: Start, form: Form = Form.WHOLE) -> Feed:
        """Open a change stream; see :class:`~tap_mongodb.client.Source`.

        Raises:
            ConfigError: the server has no change streams, or they are switched off.
        """
        try:
            return self._open(scope, start, form)
        except OperationFailure as error:
            where = f"change stream on {self._name(scope)}"
            if error.code == _SWITCHED_OFF:
                if self._settings.allow_modify_change_streams:
                    self._switch_on(scope)
                    return self.watch(scope, start, form)
                raise ConfigError(
                    f"{where}: change streams are switched off; set allow_modify_change_streams, "
                    "or run modifyChangeStreams on it"
                ) from None
            if error.code == _NO_REPLICA_SET:
                raise standalone(where) from None
            if isinstance(error, ConnectionFailure):
                raise named(error, where) from None
            if is_too_large(error):
                return LargeFirst(str(error))
            if is_gone(error, with_token=start.token is not None):
                raise HistoryGoneError(
                    (error.details or {}).get("errmsg") or str(error.code)
                ) from None
            if start.token is not None:
                raise TokenRefusedError(str(error)) from None
            raise named(error, where) from None
        except PyMongoError as error:
            raise named(error, f"change stream on {self._name(scope)}") from None

    def find(self, collection: str, key: bytes) -> bytes | None:
        """Return one document; see :class:`~tap_mongodb.client.Source`."""
        with errors_named(f"collection {collection!r}"):
            found = self._database[collection].find_one(
                RawBSONDocument(id_of(key)),
                of_document(self._left_out(collection)),
                session=self._session,
            )
        return None if found is None else bytes(found.raw)

    def read(self, collection: str, after: bytes | None, size: int) -> Generator[bytes, None, None]:
        """Yield documents in the order of ``_id``; see :class:`~tap_mongodb.client.Source`."""
        failures = 0
        while True:
            try:
                for query in filters_after(after):
                    for batch in self._batches(collection, query, size):
                        for document in documents_in(batch):
                            yield document
                        after, failures = id_of(document), 0
            except PyMongoError as error:
                if self._is_hinted and _code(error) == _BAD_VALUE:
                    self._is_hinted = False
                    continue
                failures += 1
                if not (is_passing(error) or _code(error) == _PLAN_KILLED) or failures > ATTEMPTS:
                    raise named(error, f"collection {collection!r}") from None
            else:
                return

    def _batches(self, collection: str, query: dict[str, Any], size: int) -> Iterator[bytes]:
        """Yield documents, many in one piece."""
        cursor = self._database[collection].find_raw_batches(
            query,
            of_document(self._left_out(collection)),
            sort=_BY_ID,
            # The order is the index's. Not every server sees that by itself, and sorts.
            hint=_BY_ID if self._is_hinted else None,
            batch_size=size,
            session=self._session,
        )
        # The stubs know of decoded documents alone.
        with cursor, closing(ahead(cast("Iterator[bytes]", cursor))) as batches:
            yield from batches

    def _open(self, scope: Scope, start: Start, form: Form) -> MongoFeed:
        session = self._client.start_session(causal_consistency=False)
        options: dict[str, Any] = {"start_at_operation_time": start.time}
        if start.token is not None:
            options = {"start_after" if start.is_end else "resume_after": start.token}
        target = self._database if scope.collection is None else self._database[scope.collection]
        pipeline = self._pipeline(scope)
        if form is Form.BARE:
            pipeline.append({"$project": dict.fromkeys(_BARE, 1)})
        else:
            options["full_document"] = self._full_document(scope)
            if (before := self._settings.full_document_before_change) != "off":
                options["full_document_before_change"] = before
            if form is Form.SPLIT:
                pipeline.append(_SPLIT)
        stream = target.watch(
            pipeline,
            max_await_time_ms=max(1, int(self._settings.await_seconds * 1_000)),
            session=session,
            **options,
        )
        feed = MongoFeed(
            Answers(stream, session),
            stream.resume_token,
            self._database.name,
            is_by_token=start.token is not None,
            is_bare=form is Form.BARE,
        )
        feed.operation_time = session.operation_time
        return feed

    def _pipeline(self, scope: Scope) -> list[dict[str, Any]]:
        stages: list[dict[str, Any]] = []
        if scope.collection is None:
            followed = {"$in": list(scope.followed)}
            ends = ["dropDatabase", "invalidate"]
            stages.append(
                {
                    "$match": {
                        "$or": [
                            {"ns.coll": followed},
                            {"to.coll": followed},
                            {"operationType": {"$in": ends}},
                        ]
                    }
                }
            )
        fields = of_events({name: self._left_out(name) for name in scope.followed})
        if self._settings.output_mode == "upsert":
            # No row needs it, and with it the event of a large document could be above 16 MB.
            fields["updateDescription"] = 0
        if fields:
            stages.append({"$project": fields})
        return [*stages, *map(dict, self._settings.change_stream_pipeline)]

    def _left_out(self, collection: str) -> Paths:
        return self._projections.get(self._settings.stream_name(collection), ())

    def _full_document(self, scope: Scope) -> str:
        asked = self._settings.full_document
        if asked != "auto":
            return asked
        keeps_all = scope.followed and all(map(self.has_images, scope.followed))
        return "required" if keeps_all else "updateLookup"

    def _switch_on(self, scope: Scope) -> None:
        with errors_named(f"modifyChangeStreams on {self._name(scope)}"):
            self._client.admin.command(
                "modifyChangeStreams",
                database=self._database.name,
                collection=scope.collection or "",
                enable=True,
            )

    def _name(self, scope: Scope) -> str:
        return ".".join(filter(None, (self._database.name, scope.collection)))

    def _new_session(self) -> ClientSession:
        """Return a session in which reads follow each other in time, where the server can."""
        session = self._client.start_session(causal_consistency=True)
        clock = self._database["clock"]
        try:
            with errors_named("server"):
                clock.find_one({}, {"_id": 1}, session=session)
            with suppress(ConnectionFailure):
                clock.find_one({}, {"_id": 1}, session=session)
        except OperationFailure:
            # DocumentDB's primary answers in order without being asked to.
            session.end_session()
            return self._client.start_session(causal_consistency=False)
        return session


def _code(error: PyMongoError) -> int | None:
    return error.code if isinstance(error, OperationFailure) else None


def documents_in(batch: bytes) -> Iterator[bytes]:
    """Yield the documents of a batch, each of which begins with its size."""
    at, end = 0, len(batch)
    while at < end:
        size = int.from_bytes(batch[at : at + 4], "little")
        yield batch[at : at + size]
        at += size


def standalone(where: str) -> ConfigError:
    """Return the error for a server without change streams."""
    return ConfigError(
        f"{where}: the server is standalone and keeps no history of changes; start mongod with "
        "--replSet rs0 and run rs.initiate() once (one member is enough), or set snapshot_mode to "
        "initial_only on a replica set member"
    )
