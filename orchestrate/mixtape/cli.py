"""The `mixtape` command: only what Meltano has not."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from pathlib import Path

import click
import psycopg

from mixtape import activity as application
from mixtape import loads, pipeline, services, summary
from mixtape import redrive as rejected
from mixtape.access import grant_access
from mixtape.corpus import destination, generate, publish
from mixtape.environment import read_env_file, run_environment
from mixtape.notify import notify as notifying
from mixtape.paths import project_root, run_root
from mixtape.render.errors import RenderError
from mixtape.report import facts, page, place
from mixtape.services import Given, Service, ServiceError
from mixtape.services.mongodb import Mongodb
from mixtape.services.postgres import GivenPostgres, Postgres
from mixtape.steps.command import step

EXIT_PART_DOWN = 3
EXIT_ROWS_REJECTED = 5


@click.group(
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


@cli.command()
@click.argument("names", metavar="[PART]...", nargs=-1)
def up(names: tuple[str, ...]) -> None:
    """Start the services (all, or the PARTs named) and return when they are ready.

    A part whose address is in the environment (POSTGRES_URI, S3_ENDPOINT_URL,
    MONGODB_URI, CASSANDRA_CONTACT_POINTS) is used as it is. Cassandra belongs to all once it was
    started by its name.
    """
    for part in _chosen(names):
        click.echo(f"{part.name}: starting {part.title} …", err=True)
        part.start()
        click.echo(f"{part.name}: ready at {part.url}", err=True)
    click.echo('Next: eval "$(mixtape env)"', err=True)


@cli.command()
@click.argument("names", metavar="[PART]...", nargs=-1)
def down(names: tuple[str, ...]) -> None:
    """Stop the services that `up` started; what they hold stays for the next `up`."""
    for part in _chosen(names):
        if isinstance(part, Given):
            click.echo(f"{part.name}: not ours, left alone ({part.variable})", err=True)
            continue
        part.stop()
        click.echo(f"{part.name}: stopped", err=True)


@cli.command()
def env() -> None:
    """Print the addresses of what runs as `export NAME=value` lines, secrets included."""
    for name, value in run_environment(_running()).items():
        click.echo(f"export {name}={shlex.quote(value)}")
    click.echo(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"')


@cli.command()
def status() -> None:
    """Show the services, the last load, what is in quarantine, and a few facts.

    \b
    Exit code: 0 all is well, 3 a part does not answer, 5 the last load rejected rows.
    """  # noqa: D301 - click's mark for text that keeps its lines
    every = _chosen(())
    summary.show_parts(every)
    if any(_is_missed(part) for part in every):
        sys.exit(EXIT_PART_DOWN)
    load = summary.last_load([part for part in every if _up(part)])
    summary.show(load)
    if load.rejected:
        sys.exit(EXIT_ROWS_REJECTED)


@cli.command()
@click.option("--lyrics", type=click.IntRange(min=1), help="Generate this many lyrics instead.")
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same bytes.")
@click.option(
    "--layout",
    type=click.Choice(["jsonl", "yaml"]),
    default="jsonl",
    show_default=True,
    help="Generated files: a few large ones, or many small ones.",
)
@click.option("--files", type=click.IntRange(min=1), help="How many files of lyrics (generated).")
@click.option("--out", default="s3://raps", show_default=True, help="s3://bucket, or a folder.")
@click.option("--broken/--no-broken", help="Also publish the files that must end in quarantine.")
def corpus(
    lyrics: int | None, seed: int, layout: str, files: int | None, out: str, *, broken: bool
) -> None:
    """Publish the authored raps to a bucket or folder, or generate any volume of them.

    Publishing writes what changed since the last time, and removes what it had published and
    no longer finds; it never touches what somebody else put there.
    """
    into = destination(out, _running() if out.startswith("s3:") else [])
    if lyrics:
        click.echo(generate(into, lyrics=lyrics, seed=seed, layout=layout, files=files), err=True)
    else:
        click.echo(
            publish(project_root() / "extract" / "raps", into, broken=broken).sentence, err=True
        )


@cli.command()
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


@cli.command()
def access() -> None:
    """Say who may do what in the warehouse: run transform/access/roles.sql on it.

    On the PostgreSQL that runs here or the one in POSTGRES_URI, whose role may create roles. It
    can be run again at any time and touches no password.
    """
    for part in _running():
        if isinstance(part, Postgres | GivenPostgres):
            for warning in grant_access(part.uri):
                click.echo(f"{part.name}: {warning}", err=True)
            click.echo(f"{part.name}: roles, schemas and rights are set at {part.url}", err=True)
            return
    raise ServiceError("no PostgreSQL runs: `mixtape up postgres` starts one")


@cli.command()
@click.option("--full-refresh", is_flag=True, help="Build everything from the raw tables.")
@click.option("--verbose", is_flag=True, help="Show dbt's own lines.")
def build(*, full_refresh: bool, verbose: bool) -> None:
    """Build and test the warehouse aside, then let readers see it at once.

    Does nothing when no load has brought rows since the last good build. A failing test stops
    it before readers see anything; the rows it found are in schema `failures`.

    \b
    Exit code: 0 built, or nothing to do; 1 stopped, the marts are as they were; 3 no database.
    """  # noqa: D301 - click's mark for text that keeps its lines
    from mixtape import warehouse  # noqa: PLC0415 - it takes its time

    try:
        warehouse.build(full_refresh=full_refresh, verbose=verbose)
    except warehouse.BuildError as error:
        raise click.ClickException(str(error)) from error
    except psycopg.OperationalError as error:
        click.echo(f"mixtape build: the warehouse does not answer: {error}", err=True)
        sys.exit(EXIT_PART_DOWN)


@cli.command()
def notify() -> None:
    """Say which run failed: the exit handler of a cluster's runs.

    Exit code: 0 it is said, 3 the webhook does not take it.
    """
    sys.exit(notifying())


@cli.command()
@click.option("--changes", type=click.IntRange(min=0), default=100, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same changes.")
def activity(changes: int, seed: int) -> None:
    """Be the live application on MongoDB for some CHANGES, after filling its collections.

    Plays come, registrations change their status or are deleted, lyrics are edited.
    """
    click.echo(application.run(_running(), changes, seed), err=True)


@cli.command()
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


@cli.command("state-from-loads")
@click.argument("job")
def state_from_loads(job: str) -> None:
    """Make Meltano's state of JOB from `_sdc_loads`, when it is lost.

    The next run goes on from what the warehouse holds.
    """
    read_env_file()
    found = pipeline.of_job(job)
    state = loads.restore_state(found)
    click.echo(f"{found.state_id}: state of {len(state.get('bookmarks', {}))} streams set")


@cli.command()
@click.option(
    "--out",
    envvar="MIXTAPE_REPORT_OUT",
    default=place.DEFAULT,
    show_default=True,
    help="s3://bucket, with a prefix or without, or a folder.",
)
def report(out: str) -> None:
    """Write one HTML page on plays, releases, meetups and the pipeline's health.

    It reads the public metrics and loads as bi_reader, at BI_READER_URI or where libpq's own
    variables lead to, else what runs on this machine.
    """
    read_env_file()
    given = dict(os.environ)
    if not given.keys() & {"BI_READER_URI", "PGHOST"}:
        given |= run_environment(_running())
    with contextlib.closing(facts.connect(given)) as warehouse:
        found = facts.read(warehouse)
    for where in place.put(page.html(found), out, found.at, given):
        click.echo(where)


cli.add_command(step)


def main() -> None:
    """Run the command line; what a person can mend ends in one line and exit code 2."""
    try:
        cli()
    except RenderError as error:
        for fault in error.faults:
            click.echo(f"mixtape: {fault}", err=True)
        sys.exit(2)
    except (ServiceError, FileNotFoundError) as error:
        click.echo(f"mixtape: {error}", err=True)
        sys.exit(2)


def _chosen(names: tuple[str, ...]) -> list[services.Part]:
    read_env_file()
    every = services.parts(run_root())
    if unknown := sorted(set(names) - set(every)):
        raise click.UsageError(f"no part {', '.join(unknown)}; there are: {', '.join(every)}")
    return [every[name] for name in names or [one for one in every if every[one].wanted]]


def _running() -> list[services.Part]:
    return [part for part in _chosen(()) if _up(part)]


def _is_missed(part: services.Part) -> bool:
    """Tell whether a part is down; who never started the live application does without it."""
    return not (_up(part) or (isinstance(part, Mongodb) and not part.placed))


def _up(part: services.Part) -> bool:
    return part.running if isinstance(part, Service) else part.ready()
