"""Commands that make data: rap files, and a live application."""

from __future__ import annotations

import click

from mixtape import activity as application
from mixtape.corpus import destination, generate, publish
from mixtape.paths import project_root
from mixtape.services.chosen import running


@click.command()
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
    into = destination(out, running() if out.startswith("s3:") else [])
    if lyrics:
        click.echo(generate(into, lyrics=lyrics, seed=seed, layout=layout, files=files), err=True)
    else:
        click.echo(
            publish(project_root() / "extract" / "raps", into, broken=broken).sentence, err=True
        )


@click.command()
@click.option("--changes", type=click.IntRange(min=0), default=100, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same changes.")
def activity(changes: int, seed: int) -> None:
    """Be the live application on MongoDB for some CHANGES, after filling its collections.

    Plays come, registrations change their status or are deleted, lyrics are edited.
    """
    click.echo(application.run(running(), changes, seed), err=True)
