"""Where things are on this machine."""

from __future__ import annotations

import os
from pathlib import Path


def project_root() -> Path:
    """Return the Meltano project's folder: `MELTANO_PROJECT_ROOT`, or the one above the caller.

    Raises:
        FileNotFoundError: no `meltano.yml` in the working folder or above it.
    """
    if given := os.environ.get("MELTANO_PROJECT_ROOT"):
        return Path(given).resolve()
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / "meltano.yml").is_file():
            return folder
    raise FileNotFoundError(
        f"no meltano.yml in {here} or above it: run this inside the project, "
        "or set MELTANO_PROJECT_ROOT"
    )


def run_root() -> Path:
    """Return the folder that holds what services of this checkout write."""
    return project_root() / ".mixtape"
