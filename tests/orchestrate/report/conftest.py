"""The public models that a report reads, empty or well filled, and a report of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mixtape.report import page
from orchestrate.report.public_marts import PublicMarts, fill

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.fix_postgres import Database, MakeDatabase


@pytest.fixture
def marts(database: Database, project_root: Path) -> PublicMarts:
    """The public models, with nothing in them."""
    return PublicMarts(database, project_root)


@pytest.fixture(scope="package")
def filled(make_database: MakeDatabase, project_root: Path) -> PublicMarts:
    """The public models after a year that went well; tests only read them."""
    made = PublicMarts(make_database(), project_root)
    fill(made)
    return made


@pytest.fixture(scope="package")
def filled_page(filled: PublicMarts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the well filled models, as a file."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page.html(filled.facts()))
    return path
