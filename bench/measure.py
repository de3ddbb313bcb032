"""Time a whole process: seconds on the wall, seconds of CPU, peak memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


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
    read = os.open(stdin or os.devnull, os.O_RDONLY)
    write = os.open(stdout or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    errors = os.memfd_create("errors")
    started = time.perf_counter()
    process = subprocess.Popen(command, env=env, stdin=read, stdout=write, stderr=errors)
    _, status, usage = os.wait4(process.pid, 0)
    figures.seconds.append(time.perf_counter() - started)
    process.returncode = os.waitstatus_to_exitcode(status)
    figures.megabytes.append(usage.ru_maxrss / 1024)
    if process.returncode:
        tail = os.pread(errors, 1 << 20, 0)[-2000:].decode(errors="replace")
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {tail}")
    for handle in (read, write, errors):
        os.close(handle)
