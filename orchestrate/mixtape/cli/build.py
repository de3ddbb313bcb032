"""The command that builds the warehouse."""

from __future__ import annotations

import sys

import click
import psycopg

from mixtape import warehouse
from mixtape.environment import read_env_file

EXIT_UNREACHABLE = 3


@click.command()
@click.option("--full-refresh", is_flag=True, help="Build everything from the raw tables.")
@click.option("--verbose", is_flag=True, help="Show dbt's own lines.")
def build(*, full_refresh: bool, verbose: bool) -> None:
    """Build and test the warehouse aside, then let readers see it at once.

    Does nothing when no load has brought rows since the last good build. A failing test stops
    it before readers see anything; the rows it found are in schema `failures`.

    \b
    Exit code: 0 built, or nothing to do; 1 stopped, the marts are as they were; 3 no database.
    """  # noqa: D301 - click's mark for text that keeps its lines
    read_env_file()
    try:
        warehouse.build(full_refresh=full_refresh, verbose=verbose)
    except warehouse.BuildError as error:
        raise click.ClickException(str(error)) from error
    except psycopg.OperationalError as error:
        click.echo(f"mixtape build: the warehouse does not answer: {error}", err=True)
        sys.exit(EXIT_UNREACHABLE)
