"""The `mixtape` command: only what Meltano has not."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from mixtape.errors import MixtapeError

_COMMANDS = {
    "up": "machine",
    "down": "machine",
    "env": "machine",
    "status": "machine",
    "corpus": "raps",
    "activity": "raps",
    "access": "access",
    "build": "build",
    "report": "report",
    "redrive": "repair",
    "state-from-loads": "repair",
    "step": "steps",
    "forget": "forget",
    "render": "cluster",
    "notify": "cluster",
}
"""Each command, and the module of this package that it is in."""


class Commands(click.Group):
    """Imports a command when it is asked for: some libraries take longer than some commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands' names, what belongs together side by side."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return a command, None if there is no such."""
        if (module := _COMMANDS.get(cmd_name)) is None:
            return None
        found: Any = importlib.import_module(f"mixtape.cli.{module}")
        command: click.Command = getattr(found, cmd_name.replace("-", "_"))
        return command


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Everything else is Meltano's: `meltano run files-to-postgres transform`.",
)
@click.version_option(package_name="mixtape-elt", prog_name="mixtape")
def cli() -> None:
    """Run mixtape's services on one machine, and fill them.

    \b
      mixtape up && eval "$(mixtape env)"
      mixtape corpus
      meltano run files-to-postgres transform
      mixtape status
    """  # noqa: D301 - click's mark for text that keeps its lines


def main() -> None:
    """Run the command line; what a person can mend ends in a line for each and exit code 2."""
    try:
        cli()
    except (MixtapeError, FileNotFoundError) as error:
        for line in str(error).splitlines():
            click.echo(f"mixtape: {line}", err=True)
        sys.exit(2)
