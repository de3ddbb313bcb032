"""The command that writes the report."""

from __future__ import annotations

import contextlib
import os

import click

from mixtape.environment import read_env_file, run_environment
from mixtape.report import facts, page, place
from mixtape.services.chosen import running


@click.command()
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
        given |= run_environment(running())
    with contextlib.closing(facts.connect(given)) as warehouse:
        found = facts.read(warehouse)
    for where in place.put(page.html(found), out, found.at, given):
        click.echo(where)
