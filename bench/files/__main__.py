"""Run the cases, interleaved, on one MinIO and one PostgreSQL; write a table into docs/."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import measure
import psycopg
from loaders.contenders import place
from measure import Figures, timed
from rich.console import Console

from files import cases, report
from files.report import Result
from mixtape.paths import run_root
from mixtape.services.minio import Minio, build
from mixtape.services.postgres import Postgres, client_environment, psql

if TYPE_CHECKING:
    from files.cases import Case

HERE = Path(__file__).parent
TAP, TARGET = (Path(sys.executable).with_name(name) for name in ("tap-files", "target-postgres"))
KEYED = {"name": "lyrics", "prefix": "lyrics/", "key_properties": ["lyric_id"]}
HELD = {
    "streams": [KEYED],
    "contract_mode": "quarantine",
    "contract_models": {"lyrics": "rap_model.Lyric"},
}
"""The project's own way to read lyrics."""
UNHELD = {"streams": [{**KEYED, "key_properties": ["title"]}]}
SONGS = {"streams": [{"name": "songs", "prefix": "songs/", "key_properties": ["title"]}]}

console = Console(width=140)


def main() -> None:
    """Start services of the bench's own and run everything."""
    options = measure.options(__doc__).parse_args()
    build()
    root = run_root() / "bench-files"
    postgres, store = Postgres(root), Minio(root)
    try:
        postgres.start()
        store.start()
        with tempfile.TemporaryDirectory(dir=root) as scratch:
            bench = Bench(Path(scratch), postgres, store, options.rounds)
            for layout in cases.LAYOUTS:
                bench.read(layout, max(1_000, int(cases.LYRICS * options.scale)))
            bench.find_nothing(max(1_000, int(cases.OBJECTS * options.scale)))
    finally:
        postgres.stop()
        store.stop()
        shutil.rmtree(root, ignore_errors=True)
    console.print(report.table(bench.results))
    if options.write:
        report.write(bench.results, options.rounds)


@dataclass
class Bench:
    """The services, and what was found so far."""

    scratch: Path
    postgres: Postgres
    store: Minio
    rounds: int
    results: list[Result] = field(default_factory=list)

    def read(self, layout: str, number: int) -> None:
        """Time the tap and its floor, the target and its floor, in turn."""
        console.print(f"making {number:,} lyrics, {layout} …")
        case = cases.lyrics(self.store, layout, number)
        floor, held, unheld, load, copy, start, load_start = (Figures() for _ in range(7))
        download = [sys.executable, str(HERE / "floor_download.py"), self.store.url, case.bucket,
                    case.prefix, str(cases.WORKERS)]  # fmt: skip
        messages = self.scratch / "held.singer"
        bare = self.scratch / "unheld.singer"
        loading = {"default_target_schema": "raw_files", "on_invalid_record": "quarantine"}
        settings = self._file("target", {**place(self.postgres.uri), **loading})
        target = [str(TARGET), "--config", str(settings)]
        for at in range(1, self.rounds + 1):
            console.print(f"round {at} of {self.rounds}: {case.title} …")
            self._time(floor, download)
            self._time(held, self._tap(case, HELD), stdout=messages)
            self._time(unheld, self._tap(case, UNHELD), stdout=bare)
            for output in (messages, bare):
                check_whole(output, case)
            self._clear()
            self._time(load, target, stdin=messages)
            self._time(copy, self._ready_made())
            self._time(start, [str(TAP), "--about"])
            self._time(load_start, [str(TARGET), "--about"])
        self.results += [
            Result(case, "download and parse", floor),
            Result(case, "tap-files, no contract", unheld, floor, start),
            Result(case, "tap-files, held to the rap contract", held, floor, start),
            Result(case, r"psql \copy", copy),
            Result(case, "target-postgres", load, copy, load_start),
        ]

    def find_nothing(self, number: int) -> None:
        """Time runs that find nothing new."""
        console.print(f"making {number:,} objects …")
        case = cases.objects(self.store, number)
        first, floor, again, start = (Figures() for _ in range(4))
        listing = [sys.executable, str(HERE / "floor_listing.py"), self.store.url, case.bucket,
                   case.prefix]  # fmt: skip
        messages, state = self.scratch / "songs.singer", self.scratch / "state.json"
        tap = self._tap(case, SONGS)
        console.print("reading them once …")
        self._time(first, tap, stdout=messages)
        state.write_text(last_state(messages))
        for at in range(1, self.rounds + 1):
            console.print(f"round {at} of {self.rounds}: {case.title} …")
            self._time(floor, listing)
            self._time(again, [*tap, "--state", str(state)], stdout=messages)
            self._time(start, [str(TAP), "--about"])
        self.results += [
            Result(case, "listing", floor),
            Result(case, "tap-files", again, floor, start),
        ]

    def _time(self, figures: Figures, command: list[str], **files: Path) -> None:
        services = {**self.store.address(), **client_environment(self.postgres.uri)}
        timed(figures, command, env={**os.environ, **services}, **files)

    def _tap(self, case: Case, settings: dict[str, Any]) -> list[str]:
        place = {"endpoint_url": self.store.url, "bucket": case.bucket}
        return [str(TAP), "--config", str(self._file("tap", {**place, **settings}))]

    def _file(self, name: str, content: dict[str, Any]) -> Path:
        path = self.scratch / f"{name}.json"
        path.write_text(json.dumps(content))
        return path

    def _clear(self) -> None:
        """Remove what the load before wrote."""
        with psycopg.connect(self.postgres.uri, autocommit=True) as database:
            query = "select tablename from pg_tables where schemaname = 'raw_files'"
            for (name,) in database.execute(query).fetchall():
                database.execute(f'drop table raw_files."{name}"'.encode())
            database.execute("checkpoint")

    def _ready_made(self) -> list[str]:
        """Write the loaded rows as COPY text and return the command that loads them again."""
        text = self.scratch / "ready.copy"
        with psycopg.connect(self.postgres.uri, autocommit=True) as database:
            with (
                text.open("wb") as file,
                database.cursor() as cursor,
                cursor.copy("copy raw_files.lyrics to stdout") as copy,
            ):
                file.writelines(copy)
            database.execute("drop table if exists floor")
            database.execute("create table floor (like raw_files.lyrics including all)")
            database.execute("checkpoint")
        return [str(psql()), self.postgres.uri, "-qc", rf"\copy floor from '{text}'"]


def check_whole(messages: Path, case: Case) -> None:
    """Refuse figures of a reading that has not all lyrics."""
    with messages.open("rb") as lines:
        found = sum(line.startswith(b'{"type":"RECORD","stream":"lyrics",') for line in lines)
    if found != case.number:
        raise RuntimeError(f"{case.title}: {found:,} records")


def last_state(messages: Path) -> str:
    """Return the value of the last STATE in a file of messages, as JSON."""
    with messages.open("rb") as lines:
        states = [line for line in lines if line.startswith(b'{"type":"STATE"')]
    return json.dumps(json.loads(states[-1])["value"])


if __name__ == "__main__":
    main()
