"""Commands for what was rejected, and for what was lost."""

from __future__ import annotations

import sys

import click

from mixtape import loads, pipeline
from mixtape import redrive as rejected
from mixtape.environment import read_env_file

EXIT_ROWS_REJECTED = 5


@click.command()
@click.argument("job")
@click.argument("streams", metavar="[STREAM]...", nargs=-1)
def redrive(job: str, streams: tuple[str, ...]) -> None:
    """Put rejected records of JOB's streams into their tables again, after a repair.

    A row that is newer by now stays. Documents that the tap could not read come by themselves
    once their file is repaired.

    \b
    Exit code: 0 all went in, 5 some were rejected again.
    """  # noqa: D301 - click's mark for text that keeps its lines
    read_env_file()
    every = [one for one in rejected.redrive(pipeline.of_job(job), streams) if one.sent or one.left]
    if not every:
        click.echo("nothing waits in quarantine")
    for one in every:
        click.echo(
            f"{one.stream}: {one.sent} put in again, {one.rejected_again} of them rejected again; "
            f"{one.left} wait for their file to be repaired"
        )
    if any(one.rejected_again for one in every):
        sys.exit(EXIT_ROWS_REJECTED)


@click.command("state-from-loads")
@click.argument("job")
def state_from_loads(job: str) -> None:
    """Make Meltano's state of JOB from `_sdc_loads`, when it is lost.

    The next run goes on from what the warehouse holds.
    """
    read_env_file()
    found = pipeline.of_job(job)
    state = loads.restore_state(found)
    click.echo(f"{found.state_id}: state of {len(state.get('bookmarks', {}))} streams set")
