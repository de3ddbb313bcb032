"""What every connector does alike around the SDK's plugin class: settings and signals."""

from __future__ import annotations

import contextlib
import math
import threading
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.plugin_base import PluginBase
from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR

from singer_kit.errors import ConfigError
from singer_kit.shutdown import Shutdown

if TYPE_CHECKING:
    import click
    from jsonschema import ValidationError  # type: ignore[import-untyped] # no stubs in the lock
    from singer_sdk.helpers.capabilities import CapabilitiesEnum


TAP_CAPABILITIES: list[CapabilitiesEnum] = [
    TapCapabilities.CATALOG,
    TapCapabilities.DISCOVER,
    TapCapabilities.STATE,
    TapCapabilities.TEST,
    TapCapabilities.ACTIVATE_VERSION,
    PluginCapabilities.ABOUT,
    PluginCapabilities.STRUCTURED_LOGGING,
]
"""What the taps can do; stream maps, flattening and BATCH are not among it."""


class Connector(PluginBase):
    """Mixin for a tap or a target; stands before the SDK's class in the list of bases."""

    shutdown: Shutdown

    def _setup_signal_handlers(self) -> None:
        """Let a signal set a flag, where the SDK would print state from inside the handler."""
        self.shutdown = Shutdown()
        if threading.current_thread() is threading.main_thread():
            self.shutdown.install()

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the settings, fill in defaults, and name each fault without quoting a secret.

        Raises:
            ConfigError: a setting is missing or wrong.
        """
        known = self.config_jsonschema.get("properties", {})
        for name in sorted(self._config.keys() - known.keys()):
            self.logger.warning("setting %r is unknown and has no effect", name)
        for name in self._config.keys() & known.keys():
            self._config[name] = _number(self._config[name], known[name])
        try:
            return super()._validate_config(raise_errors=raise_errors)
        except ConfigValidationError:
            # Told again from the validator's own errors: the SDK's text quotes the value.
            faults = DEFAULT_JSONSCHEMA_VALIDATOR(self.config_jsonschema).iter_errors(self._config)
            said = "; ".join(sorted(_describe(fault) for fault in faults))
            raise ConfigError(
                f"{said}; see `{self.name} --about` for the settings and their values"
            ) from None

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        """Read the files named by ``--config``.

        Raises:
            ConfigError: a file is not there or is not JSON.
        """
        try:
            return super().cb_config(ctx, param, value)
        except (OSError, ValueError) as error:
            raise ConfigError(f"--config: {error}; give a JSON file, or ENV") from None


def _number(value: Any, schema: dict[str, Any]) -> Any:
    """Return a number that came as text, as Meltano hands on an environment variable's."""
    types = schema.get("type", ())
    if isinstance(value, str) and "number" in types and "string" not in types:
        with contextlib.suppress(ValueError):
            found = float(value)
            return found if math.isfinite(found) else value
    return value


def _describe(fault: ValidationError) -> str:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault.path)
    name = f"setting {where.removeprefix('.')!r}: " if where else "settings: "
    secret = isinstance(fault.schema, dict) and fault.schema.get("writeOnly")
    return name + (f"must be {fault.schema.get('type')}" if secret else fault.message)
