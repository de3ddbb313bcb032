"""The command that bounds what old events take."""

from __future__ import annotations

import click

from mixtape import forget as events
from mixtape.environment import read_env_file
from mixtape.pipeline import connect
from mixtape.steps.run import loader


@click.command()
@click.option("--target", envvar="RAW_EVENTS_TARGET", required=True, help="Whose tables.")
@click.option("--schema", envvar="RAW_EVENTS_SCHEMA", required=True, help="Where they are.")
@click.option(
    "--keep-days",
    envvar="RAW_EVENTS_KEEP_DAYS",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Days after its load for which an event keeps its document; 0: for good.",
)
def forget(target: str, schema: str, keep_days: int) -> None:
    """Forget the documents of old events in `<collection>__changes`.

    The events stay, with all that the warehouse reads of them: `meltano invoke raw-events:forget`.
    """
    read_env_file()
    with connect(loader(target)) as database:
        for one in events.forget(database, schema, keep_days):
            click.echo(f"{schema}.{one.table}: documents of {one.events:,} events forgotten")
