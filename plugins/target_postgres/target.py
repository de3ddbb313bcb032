"""target-postgres: Singer messages into PostgreSQL tables."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.target_base import Target

from singer_kit.plugin import Connector
from target_postgres.database import Database
from target_postgres.errors import OutputClosedError
from target_postgres.loader import Loader
from target_postgres.messages import MessageReader
from target_postgres.settings import CONFIG_JSONSCHEMA, Settings

if TYPE_CHECKING:
    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from target_postgres.bookmarks import State


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
        self._loader = Loader(Database(self.config), Settings.of(self.config), _emit)
        return self._loader


def _emit(state: State) -> None:
    try:
        sys.stdout.write(json.dumps(state, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter must not try again when it flushes on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputClosedError(
            "standard output is closed, so no STATE can be handed on; what is committed is "
            "written again, harmlessly, by the next run"
        ) from None
