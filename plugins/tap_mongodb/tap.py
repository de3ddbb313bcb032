"""The tap: settings, catalog and state are the SDK's, the reading is :mod:`tap_mongodb.sync`."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeGuard, cast

from singer_sdk import Tap
from singer_sdk.mapper import PluginMapper
from singer_sdk.singerlib import StateMessage

from singer_kit.errors import ConfigError
from singer_kit.plugin import TAP_CAPABILITIES, Connector
from tap_mongodb import incremental, metrics, preflight, projection
from tap_mongodb.connection import connect, database
from tap_mongodb.mongo import MongoSource
from tap_mongodb.settings import CONFIG_SCHEMA, Settings
from tap_mongodb.streams import (
    EVENTS_SUFFIX,
    CollectionStream,
    EventStream,
    MongoStream,
    RejectedStream,
    StreamSink,
)
from tap_mongodb.sync import Run, Stream
from tap_mongodb.sync.journal import Journal, StopRun
from tap_mongodb.writer import MemberWriter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from tap_mongodb.sync.track import Track

TEST_SECONDS = 5
"""How long ``--test`` reads."""


class TapMongoDB(Connector, Tap):
    """Collections of MongoDB or Amazon DocumentDB: a snapshot once, then changes."""

    name = "tap-mongodb"
    package_name = "mixtape-elt"
    config_jsonschema: ClassVar[dict[str, Any]] = CONFIG_SCHEMA
    # Streams are the collections there are, so discovery asks the server.
    dynamic_catalog = True
    message_writer_class = MemberWriter
    capabilities: ClassVar[list[CapabilitiesEnum]] = TAP_CAPABILITIES
    _synced = False

    def __init__(self, **arguments: Any) -> None:
        # Streams are made before the SDK reads the state, which names collections that are gone.
        given = arguments.get("state")
        marks = given.get("bookmarks") if isinstance(given, dict) else None
        self._given_marks: dict[str, Any] = marks if isinstance(marks, dict) else {}
        self._projections = projection.left_out(arguments.get("catalog"))
        self._sinks: dict[str, StreamSink] = {}
        self._collections: dict[str, str] = {}
        self._incremental: list[EventStream] = []
        super().__init__(**arguments)

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add nothing: the SDK would offer stream maps and flattening, which this tap has not."""

    @cached_property
    def settings(self) -> Settings:
        """Return the settings, checked.

        Raises:
            ConfigError: settings contradict each other.
        """
        return Settings.of(self.config)

    @cached_property
    def source(self) -> MongoSource:
        """Return the database, connected and looked at.

        Raises:
            ConfigError: the server is standalone, or the settings do not say how to connect.
            SourceUnreachableError: it does not answer, or refuses these credentials.
        """
        client = self._client = connect(self.settings)
        try:
            preflight.check_topology(client)
            named = database(client, self.settings.database)
            return MongoSource(client, named, self.settings, self._projections)
        except BaseException:
            client.close()
            raise

    @property
    def member_writer(self) -> MemberWriter:
        """Return where messages go."""
        return cast("MemberWriter", self.message_writer)

    def discover_streams(self) -> Sequence[MongoStream]:
        """Make the streams of every collection that is there, or that the state knows.

        Raises:
            ConfigError: a contract or schema is named that is not there.
            SourceUnreachableError: the server cannot be asked.
        """
        streams: list[MongoStream] = []
        for collection, is_there in self._wanted().items():
            made = self._streams_of(collection, is_there=is_there)
            self._collections[made[0].name] = collection
            streams += made
        return streams

    def setup_mapper(self) -> None:
        """Register the streams as the catalog selects them; this tap maps nothing."""
        for stream in cast("list[MongoStream]", list(self.streams.values())):
            entry = self.catalog.get_stream(stream.name)
            if entry and self._is_incremental(stream):
                # As theirs, whatever the catalog says: events have another key.
                stream.primary_keys = entry.key_properties = ["object_id"]
        self._mapper = PluginMapper(plugin_config={}, logger=self.logger)
        self._mapper.register_raw_streams_from_catalog(self.catalog)

    def load_state(self, state: dict[str, Any]) -> None:
        """Keep all of the state, also what streams unknown here have in it."""
        # The SDK's type knows bookmarks alone; a change stream's position is beside them.
        self._positions = cast("dict[str, Any]", self.state)
        self._positions.update(state)
        if not isinstance(self._positions.get("bookmarks"), dict):
            self._positions["bookmarks"] = {}

    def sync_all(self) -> None:  # type: ignore[misc] # the SDK's loop reads each stream apart; here all follow one change stream
        """Read what is new, for all selected streams together."""
        self.sync_once()

    def sync_once(self, *, is_test: bool = False) -> None:
        """Run the reading, unless it has run; a test ends early and says what the server is."""
        if self._synced:
            return
        self._synced = True
        settings = self.settings
        started = time.monotonic()
        chosen = self._chosen()
        if not chosen and not self._incremental:
            raise ConfigError(
                f"database {settings.database!r}: no stream is selected; select one in the "
                "catalog, or look whether filter_collections names collections that are there"
            )
        preflight.report(self._client, self.source, settings, [each.collection for each in chosen])

        def asked() -> str | None:
            if is_test and time.monotonic() - started > TEST_SECONDS:
                return f"--test after {TEST_SECONDS} seconds"
            return self.shutdown.signal.name if self.shutdown.signal else None

        journal = Journal(settings, self._positions, self._write_state, asked)
        run = Run(self.source, chosen, settings, self._positions, journal)
        try:
            run.run()
            self._read_incremental(journal)
        finally:
            self._measure(run.tracks, time.monotonic() - started)
            self.source.close()

    def _wanted(self) -> dict[str, bool]:
        """Return the collections to make streams of, and whether each is there."""
        there = self.source.collections()
        names = {name.lower() for name in self.settings.filter_collections}
        prefix = self.settings.stream_name("")
        prefix = f"{prefix}_" if prefix else ""
        # Rows of a collection that is gone are still to be marked as deleted.
        known = [
            stream.removeprefix(prefix)
            for stream, mark in self._given_marks.items()
            if isinstance(mark, dict) and "snapshot" in mark and not mark.get("dropped")
        ]
        return {
            name: name in there
            for name in dict.fromkeys([*there, *known])
            if not names or name.lower() in names
        }

    def _streams_of(self, collection: str, *, is_there: bool) -> list[MongoStream]:
        settings = self.settings
        name = settings.stream_name(collection)
        if settings.is_changelog:
            changes = EventStream(self, settings, name, collection, self._declared(name))
            self._sinks[name] = StreamSink(None, changes, None)
            return [changes]
        mark = self._given_marks.get(name)
        known = mark.get("fields") if isinstance(mark, dict) else None
        sample: list[bytes] = []
        if settings.schema_strategy == "infer" and known is None and is_there:
            sample = self.source.sample(collection, settings.infer_schema_max_docs)
        rows = CollectionStream(self, settings, collection, known=known, sample=sample)
        rejected = RejectedStream(self, name + settings.quarantine_stream_suffix)
        events = None
        if settings.output_mode == "both":
            events = EventStream(self, settings, name + EVENTS_SUFFIX, collection)
        self._sinks[name] = StreamSink(rows, events, rejected)
        return [rows, *([events] if events else []), rejected]

    def _declared(self, name: str) -> dict[str, Any] | None:
        """Return the properties that the catalog declares for a stream; None without a catalog."""
        entry = self.input_catalog.get_stream(name) if self.input_catalog else None
        return entry.schema.to_dict().get("properties", {}) if entry else None

    def _chosen(self) -> list[Stream]:
        """Return what the catalog selects, each stream with its schema written."""
        chosen = []
        for stream in cast("list[MongoStream]", list(self.streams.values())):
            if not self._is_selected(stream):
                continue
            if self._is_incremental(stream):
                self._incremental.append(stream)
            if not isinstance(stream, RejectedStream):
                stream.prepare()
            if stream.name in self._collections and stream not in self._incremental:
                collection = self._collections[stream.name]
                chosen.append(Stream(stream.name, collection, self._sinks[stream.name]))
        return chosen

    def _is_incremental(self, stream: MongoStream) -> TypeGuard[EventStream]:
        """Tell whether a stream of `changelog` is one of MeltanoLabs' other kind."""
        return (
            self.settings.is_changelog
            and isinstance(stream, EventStream)
            and stream.replication_method == incremental.METHOD
        )

    def _read_incremental(self, journal: Journal) -> None:
        try:
            for stream in self._incremental:
                incremental.read_new(
                    self.source, self.settings, journal, stream, self._positions["bookmarks"]
                )
        except StopRun as stop:
            self.logger.warning("%s: stopped at a safe point; run again to go on", stop)
        finally:
            if self._incremental:
                journal.save()

    def _is_selected(self, stream: MongoStream) -> bool:
        """Tell whether to read a stream; one that the catalog does not know, if it was read before.

        It is new and nobody has chosen it, or its collection is gone and that is still to be told.
        """
        if self.input_catalog is None or self.input_catalog.get_stream(stream.name):
            return stream.selected
        return stream.name in self._given_marks

    def _write_state(self) -> None:
        self.write_message(StateMessage(value=self.state))

    def _measure(self, tracks: list[Track], seconds: float) -> None:
        for stream in cast("list[MongoStream]", list(self.streams.values())):
            if stream.emitted or not isinstance(stream, RejectedStream):
                metrics.stream(stream)
            if isinstance(stream, CollectionStream):
                metrics.documents(stream)
        for track in tracks:
            metrics.track(track)
        metrics.run(seconds)
