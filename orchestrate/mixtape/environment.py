"""The environment that tells us of servers, and that tells `meltano run` of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dotenv import load_dotenv

from mixtape.paths import project_root

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mixtape.services import Part


def read_env_file() -> None:
    """Take what the project's `.env` says, as Meltano does; what is exported already wins."""
    load_dotenv(project_root() / ".env")


def run_environment(parts: Iterable[Part]) -> dict[str, str]:
    """Return the variables that a run on ``parts`` needs; they hold secrets."""
    found = {name: value for part in parts for name, value in part.address().items()}
    # After a kill Meltano takes the dead run for a live one for five minutes, and refuses. Two
    # runs at once are harmless here (docs/decisions/0005-meltano-never-waits.md), a wait is not.
    return {**found, "MELTANO_RUN_FORCE": "true"}
