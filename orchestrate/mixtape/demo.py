"""`make demo`: the whole path on this machine, ending on one screen.

It does nothing a person could not type; each step's command is printed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from mixtape import activity, served, services, summary
from mixtape.corpus import destination, publish
from mixtape.environment import read_env_file, run_environment
from mixtape.paths import project_root, run_root
from mixtape.services import ServiceError
from mixtape.services.cassandra_jars import machine_java

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mixtape.services import Part

FIRST = ["meltano", "run", "files-to-postgres", "changes-to-postgres", "transform"]
SERVING = "files-to-cassandra"
CHANGES = ["meltano", "run", "changes-to-postgres", "transform"]
LIVE_CHANGES = 100
LEFT_OUT = (
    "- Cassandra is left out: there is no Java 11 or 17 here; "
    "`make demo CASSANDRA=1` takes one that PyPI has"
)


def main() -> None:
    """Run the demo; exits 0, or with the failed step's code and where its log is."""
    console = Console(highlight=False, stderr=True)
    try:
        sys.exit(_demo(console))
    except ServiceError as error:
        console.print(f"demo: {error}", markup=False)
        sys.exit(2)


def _demo(console: Console) -> int:
    started = time.monotonic()
    read_env_file()
    every = services.parts(run_root())
    with_cassandra = serves()
    parts = [part for part in every.values() if with_cassandra or part.name != "cassandra"]
    for part in parts:
        with console.status(f"starting {part.title} …"):
            part.start()
        console.print(f"[green]✓[/] {part.title} at {part.url}")
    with console.status("publishing the rap corpus …"):
        place = destination("s3://raps", parts)
        published = publish(project_root() / "extract" / "raps", place, broken=True)
    console.print(f"[green]✓[/] {published.sentence}")
    if not with_cassandra:
        console.print(LEFT_OUT, markup=False)
    first = [*FIRST, SERVING] if with_cassandra else FIRST
    for changes, command in ((0, first), (LIVE_CHANGES, CHANGES)):
        done = activity.run(parts, changes, seed=1)
        console.print(f"[green]✓[/] live application: {done}")
        if code := _run(console, parts, command):
            return code
        console.print(f"[green]✓[/] rows that came of it: {summary.changes(parts)}")
    summary.show(summary.last_load(parts))
    if with_cassandra:
        served.show(served.lyrics_of_an_artist(parts))
    console.print(f"\n{time.monotonic() - started:.0f} s. The services stay up:")
    _show_ways_in(console, parts)
    return 0


def serves() -> bool:
    """Tell whether Cassandra is part of it: `CASSANDRA=1`, an address, or a Java asks for it."""
    if asked := os.environ.get("CASSANDRA"):
        return asked != "0"
    return bool(os.environ.get("CASSANDRA_CONTACT_POINTS")) or machine_java() is not None


def _run(console: Console, parts: Sequence[Part], command: list[str]) -> int:
    """Run Meltano as a cluster would, its log in a file and its last line on the screen."""
    log = run_root() / f"demo-{command[2]}.log"
    programs = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        **run_environment(parts),
        "MELTANO_RUN_ID": str(uuid.uuid4()),
        "PATH": os.pathsep.join([programs, os.environ["PATH"]]),
        "NO_COLOR": "1",
    }
    console.print(f"[bold]$ {' '.join(command)}[/]")
    with (
        log.open("w") as file,
        console.status("starting Meltano …") as status,
        subprocess.Popen(
            command,
            env=environment,
            cwd=project_root(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as meltano,
    ):
        for line in meltano.stdout or ():
            file.write(line)
            status.update(_shortened(line))
    if meltano.returncode:
        tail = "".join(log.read_text(errors="replace").splitlines(keepends=True)[-25:])
        console.print(tail, markup=False)
        console.print(f"[red]✗[/] it ended with exit code {meltano.returncode}; its log: {log}")
    else:
        console.print(f"[green]✓[/] done; its log: {log}")
    return meltano.returncode


def _shortened(line: str) -> str:
    """Return what fits beside a spinner, with nothing in it that would be taken for markup."""
    return line.strip().replace("[", "(").replace("]", ")")[:100] or "…"


def _show_ways_in(console: Console, parts: Sequence[Part]) -> None:
    given = run_environment(parts)
    console.print(f"  BI and psql   {given['BI_READER_URI']}", markup=False, soft_wrap=True)
    console.print("                role bi_reader, schema marts")
    if "TARGET_CASSANDRA_USERNAME" in given:
        points = ", ".join(json.loads(given["TARGET_CASSANDRA_CONTACT_POINTS"]))
        at = f"{points} port {given['TARGET_CASSANDRA_PORT']}"
        console.print(
            f"  Cassandra     {at}, role {given['TARGET_CASSANDRA_USERNAME']}", markup=False
        )
    console.print('  your shell    eval "$(.venv/bin/mixtape env)"', markup=False)
    console.print("  again         make demo     (loads only what changed in extract/raps)")
    console.print("  stop          make down     (make clean also removes what they wrote)")


if __name__ == "__main__":
    main()
