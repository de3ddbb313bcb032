"""A project to render, written by the test that needs it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Protocol

import pytest

from orchestrate.render import projects

if TYPE_CHECKING:
    from pathlib import Path


class MakeFiles(Protocol):
    """Writes a project to render."""

    def __call__(
        self,
        *,
        meltano: str = projects.MELTANO,
        jobs: str = projects.JOBS,
        clusters: str = projects.CLUSTERS,
    ) -> Path:
        """Return the project's root."""
        ...


@pytest.fixture
def make_files(tmp_path: Path) -> MakeFiles:
    """Write Meltano's files and the list of clusters by calling it; again over the old ones."""
    return functools.partial(projects.write, tmp_path)
