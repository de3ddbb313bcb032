"""target-postgres: Singer messages into PostgreSQL tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.target_base import Target

from singer_kit.messages import MessageReader
from singer_kit.plugin import Connector
from singer_kit.writer import write_state
from target_postgres.database import Database
from target_postgres.loader import Loader
from target_postgres.settings import CONFIG_JSONSCHEMA, Settings

if TYPE_CHECKING:
    from singer_sdk.helpers.capabilities import CapabilitiesEnum


class TargetPostgres(Connector, Target):
    """Loads Singer streams into PostgreSQL: typed, replayable, never backwards in version.

    The SDK gives the command line, the settings and ``--about``. Reading and writing are our
    own (docs/decisions/0003-target-postgres-hot-path.md): its sinks are not used.
    """

    name = "target-postgres"
    package_name = "mixtape-elt"
    config_jsonschema: ClassVar[dict[str, Any]] = CONFIG_JSONSCHEMA
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STRUCTURED_LOGGING,
        PluginCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.BATCH,
        TargetCapabilities.TARGET_SCHEMA,
    ]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, setup_mapper=False)
        self._loader: Loader | None = None
        self.message_reader = MessageReader(self.shutdown, self._start)

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add nothing: every setting there is, is in :mod:`target_postgres.settings`."""

    def process_endofpipe(self) -> None:
        """Commit what is left once the input has ended."""
        if self._loader is not None:
            loader, self._loader = self._loader, None
            loader.finish(is_whole=True)

    def _start(self) -> Loader:
        self._loader = Loader(Database(self.config), Settings.of(self.config), write_state)
        return self._loader
