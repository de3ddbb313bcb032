"""What is fetched or built once on this machine and then shared by its checkouts.

It is kept in the user's cache folder (`XDG_CACHE_HOME`, else `~/.cache`). Nothing that is kept
names the folder it lies in, so a cache may be moved, mounted elsewhere, or restored by a CI.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def kept(name: str, make: Callable[[Path], None]) -> Path:
    """Return the folder that is kept as ``name``; where there is none, have ``make`` fill one.

    It is made aside and moved, so that what is kept is whole. One process makes it; whoever wants
    it meanwhile waits and gets the same. What ``make`` raises is passed on, and nothing is kept.
    """
    target = where(name)
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    # The kernel frees what a dead process held.
    with target.with_name(f"{name}.lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
                aside = Path(scratch) / name
                aside.mkdir()
                make(aside)
                aside.rename(target)
    return target


def where(name: str) -> Path:
    """Return the folder that ``name`` is kept in, be it there or not."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "mixtape" / name
