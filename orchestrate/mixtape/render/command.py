"""`mixtape render`: write what the cluster runs, or show how it differs from what is there."""

from __future__ import annotations

import difflib
import sys
from typing import TYPE_CHECKING

import click

from mixtape.render.tree import committed, rendered

if TYPE_CHECKING:
    from pathlib import Path

EXIT_DRIFT = 1


def render(root: Path, *, check: bool) -> None:
    """Bring `orchestrate/deploy/` into step; with ``check`` show the difference and exit 1.

    Raises:
        RenderError: Meltano's files or the list of clusters cannot be rendered.
    """
    wanted, there = rendered(root), committed(root)
    stale = sorted(name for name in wanted.keys() | there if wanted.get(name) != there.get(name))
    if check:
        for name in stale:
            click.echo(_difference(name, there.get(name, ""), wanted.get(name, "")), nl=False)
        if stale:
            click.echo(f"{len(stale)} files are out of step; run: mixtape render", err=True)
            sys.exit(EXIT_DRIFT)
        return
    for name in stale:
        path = root / name
        if name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[name], encoding="utf-8")
        else:
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
    click.echo(f"{len(wanted)} files, {len(stale)} of them new, changed or removed", err=True)


def _difference(name: str, there: str, wanted: str) -> str:
    lines = difflib.unified_diff(
        there.splitlines(keepends=True),
        wanted.splitlines(keepends=True),
        f"{name} (there)",
        f"{name} (rendered)",
    )
    return "".join(lines)
