"""Time a whole process: seconds on the wall, seconds of CPU, peak memory."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CHILD = Path(__file__).with_name("child.py")


def options(described: str | None) -> argparse.ArgumentParser:
    """Return the options that every bench beside peers has; ``described`` is its docstring."""
    parser = argparse.ArgumentParser(description=described)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="1 is the full size")
    parser.add_argument("--write", action="store_true", help="replace what docs/ says")
    return parser


@dataclass
class Figures:
    """What several runs of one command took."""

    seconds: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Seconds on the wall."""
        return statistics.median(self.seconds)

    @property
    def peak(self) -> float:
        """The largest resident set of any run, in MB."""
        return max(self.megabytes)


def timed(
    figures: Figures,
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    stdin: Path | None = None,
    stdout: Path | None = None,
) -> None:
    """Run ``command`` once and add what it took to ``figures``.

    Raises:
        RuntimeError: it failed; with the end of what it wrote to standard error.
    """
    with (
        tempfile.NamedTemporaryFile("r") as answer,
        (stdin or Path(os.devnull)).open("rb") as read,
        (stdout or Path(os.devnull)).open("wb") as write,
    ):
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(CHILD), answer.name, *command],
            env=env,
            stdin=read,
            stdout=write,
            stderr=subprocess.PIPE,
            check=False,
        )
        said = answer.read()
    if done.returncode:
        tail = done.stderr[-2000:].decode(errors="replace")
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {tail}")
    seconds, megabytes = said.split()
    figures.seconds.append(float(seconds))
    figures.megabytes.append(float(megabytes))
