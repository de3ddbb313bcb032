"""The command for the warehouse's rights."""

from __future__ import annotations

import click

from mixtape.access import grant_access
from mixtape.services import ServiceError
from mixtape.services.chosen import running
from mixtape.services.postgres import GivenPostgres, Postgres


@click.command()
def access() -> None:
    """Say who may do what in the warehouse: run transform/access/roles.sql on it.

    On the PostgreSQL that runs here or the one in POSTGRES_URI, whose role may create roles. It
    can be run again at any time and touches no password.
    """
    for part in running():
        if isinstance(part, Postgres | GivenPostgres):
            for warning in grant_access(part.uri):
                click.echo(f"{part.name}: {warning}", err=True)
            click.echo(f"{part.name}: roles, schemas and rights are set at {part.url}", err=True)
            return
    raise ServiceError("no PostgreSQL runs: `mixtape up postgres` starts one")
