"""The tap: settings, catalog and state are the SDK's, the reading is :mod:`tap_files.sync`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from singer_sdk import Tap
from singer_sdk.mapper import PluginMapper

from singer_kit.plugin import TAP_CAPABILITIES, Connector
from singer_kit.writer import LineWriter
from tap_files.local import LocalStore
from tap_files.plan import Plan
from tap_files.prefetch import THREADS
from tap_files.s3 import S3Store
from tap_files.settings import CONFIG_SCHEMA, Settings
from tap_files.streams import FilesStream, FileStream, RecordStream, RejectedStream
from tap_files.sync import Sync

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from tap_files.client import Store


class TapFiles(Connector, Tap):
    """Documents in YAML, JSON and JSON-lines files, from S3 or a local folder."""

    name = "tap-files"
    package_name = "mixtape-elt"
    config_jsonschema: ClassVar[dict[str, Any]] = CONFIG_SCHEMA
    # Streams and their schemas come from the settings, so discovery needs valid ones.
    dynamic_catalog = True
    message_writer_class = LineWriter
    capabilities: ClassVar[list[CapabilitiesEnum]] = TAP_CAPABILITIES
    file_settings: Settings
    plans: list[Plan]
    files_stream: FilesStream
    _synced = False

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add nothing: the SDK would offer stream maps and flattening, which this tap has not."""

    @property
    def line_writer(self) -> LineWriter:
        """Return where messages go."""
        return cast("LineWriter", self.message_writer)

    def discover_streams(self) -> Sequence[FileStream]:
        """Make the streams that the settings describe.

        Raises:
            ConfigError: settings contradict each other, or name a model that is not there.
        """
        settings = self.file_settings = Settings.of(self.config)
        self.plans = []
        for source, members in settings.sources().items():
            streams = [RecordStream(self, settings, member) for member in members]
            roots = [stream for stream in streams if not stream.settings.explode] or streams[:1]
            # An exploded stream has no faults of its own: its parent's document had them.
            rejected = {
                root.name: RejectedStream(self, root.name + settings.quarantine_stream_suffix)
                for root in roots
                if settings.quarantines
            }
            self.plans.append(Plan(source, streams, rejected))
        self.files_stream = FilesStream(self)
        return [*(stream for plan in self.plans for stream in plan.all()), self.files_stream]

    def file_streams(self) -> list[FileStream]:
        """Return the streams with the catalog applied, by name."""
        return cast("list[FileStream]", list(self.streams.values()))

    @property
    def catalog_dict(self) -> dict[str, Any]:
        """Return what ``--discover`` prints; streams whose schema is inferred look into files."""
        for stream in self.file_streams():
            if isinstance(stream, RecordStream):
                stream.infer()
        return super().catalog_dict

    def setup_mapper(self) -> None:
        """Register the streams as the catalog selects them; this tap maps nothing."""
        self._mapper = PluginMapper(plugin_config={}, logger=self.logger)
        self._mapper.register_raw_streams_from_catalog(self.catalog)

    def load_state(self, state: dict[str, Any]) -> None:
        """Keep every bookmark, also of streams unknown here; leave out what is none."""
        bookmarks = state.get("bookmarks")
        if isinstance(bookmarks, dict):
            self.state["bookmarks"] = {
                name: dict(value) for name, value in bookmarks.items() if isinstance(value, dict)
            }

    def connect(self, settings: Settings) -> Store:
        """Return the store that the settings name."""
        if settings.protocol == "file":
            return LocalStore(settings.bucket)
        return S3Store(settings, connections=THREADS + 2)

    def sync_all(self) -> None:  # type: ignore[misc] # the SDK's loop reads each stream apart; here several share one file
        """Read every file once, for all streams that need it."""
        self.sync_once()

    def sync_once(self, limit: int | None = None) -> None:
        """Run the reading, unless it has run; with a limit of records for each stream, a test."""
        if self._synced:
            return
        self._synced = True
        settings = Settings.of(self.config)
        Sync(self, settings, self.connect(settings), limit).run()
