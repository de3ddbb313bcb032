"""Commands for the services of this machine."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from mixtape import summary
from mixtape.environment import run_environment
from mixtape.services import Given, Part
from mixtape.services.chosen import chosen, is_up, running
from mixtape.services.mongodb import Mongodb

EXIT_PART_DOWN = 3
EXIT_ROWS_REJECTED = 5


@click.command()
@click.argument("names", metavar="[PART]...", nargs=-1)
def up(names: tuple[str, ...]) -> None:
    """Start the services (all, or the PARTs named) and return when they are ready.

    A part whose address is in the environment (POSTGRES_URI, S3_ENDPOINT_URL,
    MONGODB_URI, CASSANDRA_CONTACT_POINTS) is used as it is. Cassandra belongs to all once it was
    started by its name.
    """
    for part in chosen(names):
        click.echo(f"{part.name}: starting {part.title} …", err=True)
        part.start()
        click.echo(f"{part.name}: ready at {part.url}", err=True)
    click.echo('Next: eval "$(mixtape env)"', err=True)


@click.command()
@click.argument("names", metavar="[PART]...", nargs=-1)
def down(names: tuple[str, ...]) -> None:
    """Stop the services that `up` started; what they hold stays for the next `up`."""
    for part in chosen(names):
        if isinstance(part, Given):
            click.echo(f"{part.name}: not ours, left alone ({part.variable})", err=True)
            continue
        part.stop()
        click.echo(f"{part.name}: stopped", err=True)


@click.command()
def env() -> None:
    """Print the addresses of what runs as `export NAME=value` lines, secrets included."""
    for name, value in run_environment(running()).items():
        click.echo(f"export {name}={shlex.quote(value)}")
    click.echo(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"')


@click.command()
def status() -> None:
    """Show the services, the last load, what is in quarantine, and a few facts.

    \b
    Exit code: 0 all is well, 3 a part does not answer, 5 the last load rejected rows.
    """  # noqa: D301 - click's mark for text that keeps its lines
    every = chosen(())
    summary.show_parts(every)
    if any(_is_missed(part) for part in every):
        sys.exit(EXIT_PART_DOWN)
    load = summary.last_load([part for part in every if is_up(part)])
    summary.show(load)
    if load.rejected:
        sys.exit(EXIT_ROWS_REJECTED)


def _is_missed(part: Part) -> bool:
    """Tell whether a part is down; who never started the live application does without it."""
    return not (is_up(part) or (isinstance(part, Mongodb) and not part.placed))
