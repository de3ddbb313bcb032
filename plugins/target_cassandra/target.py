"""target-cassandra: Singer messages into Cassandra tables, one for each query."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, ClassVar

import click
from singer_sdk.helpers.capabilities import PluginCapabilities
from singer_sdk.target_base import Target

from singer_kit.messages import MessageReader
from singer_kit.plugin import Connector
from singer_kit.writer import write_state
from target_cassandra import probe
from target_cassandra.cluster import Connection
from target_cassandra.loader import Loader
from target_cassandra.settings import CONFIG_JSONSCHEMA, Settings

if TYPE_CHECKING:
    from singer_sdk.helpers.capabilities import CapabilitiesEnum

PIECE_BYTES = 64 * 1024
"""A row's values take more room than its message; with all of a larger piece's, they leave the
cache before they are sent."""


class TargetCassandra(Connector, Target):
    """Loads Singer streams into Cassandra: by query, replayable, never backwards in version.

    The SDK gives the command line, the settings and ``--about``. Reading and writing are our
    own: its sinks are not used.
    """

    name = "target-cassandra"
    package_name = "mixtape-elt"
    config_jsonschema: ClassVar[dict[str, Any]] = CONFIG_JSONSCHEMA
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STRUCTURED_LOGGING,
        PluginCapabilities.ACTIVATE_VERSION,
        PluginCapabilities.BATCH,
    ]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, setup_mapper=False)
        self._loader: Loader | None = None
        self.message_reader = MessageReader(self.shutdown, self._start, PIECE_BYTES)

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add nothing: every setting there is, is in :mod:`target_cassandra.settings`."""

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Return the SDK's command line, with ``--test`` as taps have it."""
        command = super().get_singer_command()
        command.params.append(
            click.Option(
                ["--test", "is_test"],
                is_flag=True,
                help="Show the cluster, what the role may do, and how tables differ; load nothing.",
            )
        )
        return command

    @classmethod
    def invoke(cls, *, is_test: bool = False, config: Any = None, **options: Any) -> None:
        """Load what comes in, or show where it would go."""
        if not is_test:
            # What records are made of has no cycles, and looking for some takes a tenth of a load.
            gc.freeze()
            gc.set_threshold(100_000, 20, 100)
            super().invoke(config=config, **options)
            return
        target = cls(
            config=config.config if config else None,
            parse_env_config=bool(config and config.parse_env),
        )
        probe.show(Connection(target.config, Settings.of(target.config)))

    def process_endofpipe(self) -> None:
        """Write what is left once the input has ended."""
        if self._loader is not None:
            loader, self._loader = self._loader, None
            loader.finish(is_whole=True)

    def _start(self) -> Loader:
        connection = Connection(self.config, Settings.of(self.config))
        try:
            self._loader = Loader(connection, self.config.get("local_dc"), write_state)
        except BaseException:
            connection.close()
            raise
        return self._loader
