"""Settings of MeltanoLabs' target-postgres that would change rows, and that this target has not.

A configuration carries over as it is, since names are the same and what only made that target
faster (`use_copy`) has nothing to do here. But one that leaves fields out, or empties a table,
must not be read as if it did not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_kit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAPPER = "put a mapper plugin before it"
_NOT_DONE = {
    "stream_maps": f"this target maps no streams; {_MAPPER}",
    "flattening_enabled": f"this target flattens nothing, objects are jsonb; {_MAPPER}",
}


def refuse(config: Mapping[str, Any]) -> None:
    """Raise ConfigError for the first setting that asks for what is not done here."""
    for name, why in _NOT_DONE.items():
        if config.get(name):
            raise ConfigError(f"setting {name!r}: {why}, and take the setting away")
    if config.get("load_method") == "overwrite":
        raise ConfigError(
            "setting 'load_method': tables are not dropped before a load; let the tap send "
            "ACTIVATE_VERSION, which removes rows of older versions after it"
        )
    tunnel = config.get("ssh_tunnel")
    if isinstance(tunnel, dict) and tunnel.get("enable"):
        raise ConfigError(
            "setting 'ssh_tunnel': no tunnel is opened; open one with ssh -L, and name its end in "
            "host and port"
        )
