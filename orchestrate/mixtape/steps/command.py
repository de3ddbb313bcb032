"""`mixtape step NAME`: what Meltano's commands of the plugin `load-steps` run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mixtape.steps.inputs import check, write_manifest
from mixtape.steps.insights import insights
from mixtape.steps.quality import quality
from mixtape.steps.record import record
from mixtape.steps.run import step as recorded
from mixtape.steps.validate import validate

if TYPE_CHECKING:
    from collections.abc import Callable

    from mixtape.steps.run import Run

STEPS: dict[str, Callable[[Run], None]] = {
    "check": check,
    "validate": validate,
    "quality": quality,
    "insights": insights,
    "manifest": write_manifest,
    "record": record,
}


@click.command()
@click.argument("name", metavar="STEP", type=click.Choice(list(STEPS)))
def step(name: str) -> None:
    """Do one STEP around a load: Meltano's commands `load-steps:<step>`.

    \b
      check      which files are not loaded yet: the run's manifest
      validate   those files against the contract
      quality    what is odd about them, though valid
      insights   what is in them, in numbers
      manifest   write the manifest to where the tap reads it
      record     what the run was, took and left
    """  # noqa: D301 - click's mark for text that keeps its lines
    with recorded(name) as run:
        STEPS[name](run)
