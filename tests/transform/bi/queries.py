"""The exposures' queries, and which relations they read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "transform/bi/queries"


def queries(project_root: Path) -> dict[str, str]:
    """Return each query by `<exposure>/<name>`."""
    folder = project_root / FOLDER
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path.read_text()
        for path in sorted(folder.rglob("*.sql"))
    }


def relations(query: str) -> set[str]:
    """Return the relations that a query reads."""
    code = re.sub("--.*", "", query)
    within = set(re.findall(r"^(\w+) as \(", code, flags=re.MULTILINE))
    return set(re.findall(r"\b(?:from|join) (\w+)", code)) - within
