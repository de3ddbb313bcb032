"""Commands for clusters."""

from __future__ import annotations

import sys

import click

from mixtape.notify import notify as notifying
from mixtape.paths import project_root


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; show the difference, exit 1 on any.")
def render(*, check: bool) -> None:
    """Write what clusters run (orchestrate/deploy/) from Meltano's files and clusters.yml."""
    try:
        # Its libraries are on engineers' machines and in CI, not in the image.
        from mixtape.render.command import render as write  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"rendering needs {error.name}, which `make check` installs"
        ) from error
    write(project_root(), check=check)


@click.command()
def notify() -> None:
    """Say which run failed: the exit handler of a cluster's runs.

    Exit code: 0 it is said, 3 the webhook does not take it.
    """
    sys.exit(notifying())
