"""Figures as a table, for a terminal and on a page below docs/benchmarks."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.table import Table

from mixtape.paths import project_root

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

FOLDER = project_root() / "docs" / "benchmarks"


@dataclass(frozen=True)
class Columns:
    """The titles of a table, and those of its columns that hold words, not numbers."""

    titles: Sequence[str]
    words: Collection[str]

    def terminal(self, rows: Sequence[Sequence[str]]) -> Table:
        """Return rows as a table for a terminal."""
        found = Table(title="median of all rounds")
        for title in self.titles:
            found.add_column(title, justify="left" if title in self.words else "right")
        for row in rows:
            found.add_row(*row)
        return found

    def markdown(self, rows: Sequence[Sequence[str]]) -> str:
        """Return rows as a table for a page."""
        marks = ["---" if each in self.words else "--:" for each in self.titles]
        cells = ([cell.replace("|", r"\|") for cell in row] for row in (self.titles, marks, *rows))
        return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def write(name: str, title: str, text: str, *parts: str) -> None:
    """Write a page: what is compared, on which machine, and what was found."""
    machine = (
        f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} cores"
        f" at a load of {os.getloadavg()[2]:.0f}."
    )
    FOLDER.mkdir(parents=True, exist_ok=True)
    page = FOLDER / f"{name}.md"
    page.write_text("\n\n".join((f"# {title}", text, machine, *parts)) + "\n")
