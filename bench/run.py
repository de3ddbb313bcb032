"""`make bench`: the tap and the target on generated lyrics, beside their floors, in one run."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

import psycopg
from measure import Figures, timed
from rich.console import Console
from rich.table import Table

from mixtape.corpus import Bucket, generate
from mixtape.paths import run_root
from mixtape.services.minio import Minio, build
from mixtape.services.postgres import Postgres, client_environment, psql

HERE = Path(__file__).parent
PROGRAMS = Path(sys.executable).parent
WORKERS = 8  # as many as the tap has
TABLES = ("artists", "lyrics", "lyric_credits", "meetups", "performances", "_files")
UNHELD = "tap-files, no contract"
FLOORS = {
    "tap-files": "download + parse",
    UNHELD: "download + parse",
    "target-postgres": r"psql \copy",
}
STARTS = {
    "tap-files": "tap-files --about",
    UNHELD: "tap-files --about",
    "target-postgres": "target-postgres --about",
}


def main() -> None:
    """Start services of the bench's own, run every case, print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lyrics", type=int, default=100_000)
    parser.add_argument("--objects", type=int, default=100_000, help="to list; 0 leaves it out")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    build()
    root = run_root() / "bench"
    postgres, store = Postgres(root), Minio(root)
    try:
        postgres.start()
        store.start()
        with tempfile.TemporaryDirectory(dir=root) as scratch:
            run(Path(scratch), postgres, store, options.lyrics, options.rounds)
            if options.objects:
                nothing_new(Path(scratch), store, options.objects, options.rounds)
    finally:
        postgres.stop()
        store.stop()
        shutil.rmtree(root)


def run(scratch: Path, postgres: Postgres, store: Minio, lyrics: int, rounds: int) -> None:
    """Run both layouts and print what they took."""
    console = Console(width=110)
    table = Table(title=f"{lyrics:,} lyrics, whole processes, median of {rounds} rounds")
    for title in ("what", "seconds", "lyrics/s", "to floor", "less start-up", "peak MB"):
        table.add_column(title, justify="left" if title == "what" else "right")
    for layout, files in (("jsonl", 8), ("yaml", 5_000)):
        with console.status(f"{layout}: making {lyrics:,} lyrics …"):
            place = Bucket(store.client, f"bench-{layout}")
            generate(place, lyrics=lyrics, seed=1, layout=layout, files=files)
        with console.status(f"{layout}: measuring …"):
            figures = case(scratch, postgres, store, layout, rounds)
        for name, taken in figures.items():
            if name in set(STARTS.values()):
                table.add_row(f"{layout}: {name}", f"{taken.median:.2f}", "", "", "", "")
                continue
            ratio = working = ""
            if name in FLOORS:
                floor, start = figures[FLOORS[name]].median, figures[STARTS[name]].median
                ratio = f"{taken.median / floor:.2f} x"
                working = f"{(taken.median - start) / floor:.2f} x"
            table.add_row(
                f"{layout}: {name}",
                f"{taken.median:.2f}",
                f"{lyrics / taken.median:,.0f}",
                ratio,
                working,
                f"{taken.peak:.0f}",
            )
    console.print(table)


def nothing_new(scratch: Path, store: Minio, objects: int, rounds: int) -> None:
    """Time runs that find nothing new among many objects, and print what they took."""
    console = Console(width=110)
    bucket = "bench-listing"
    with console.status(f"making {objects:,} objects …"):
        put_many(store, bucket, objects)
    env = {**os.environ, **store.address()}
    config, state, out = (scratch / name for name in ("many.json", "state.json", "many.singer"))
    streams = [{"name": "songs", "prefix": "songs/", "key_properties": ["title"]}]
    place = {"endpoint_url": store.url, "bucket": bucket}
    config.write_text(json.dumps({**place, "streams": streams}))
    tap = [str(PROGRAMS / "tap-files"), "--config", str(config)]
    first, floor, again, start = Figures(), Figures(), Figures(), Figures()
    with console.status("reading them once …"):
        timed(first, tap, env=env, stdout=out)
        state.write_text(last_state(out))
    listing = [sys.executable, str(HERE / "floor_listing.py"), store.url, bucket, "songs/"]
    with console.status("measuring …"):
        for _ in range(rounds):
            timed(floor, listing, env=env)
            timed(again, [*tap, "--state", str(state)], env=env, stdout=out)
            timed(start, [str(PROGRAMS / "tap-files"), "--about"], env=env)
    console.print(
        f"{objects:,} objects: read in {first.median:.1f} s (peak {first.peak:.0f} MB); listed "
        f"by a bare client in {floor.median:.2f} s; nothing new in {again.median:.2f} s "
        f"({again.median / floor.median:.2f} x, less start-up "
        f"{(again.median - start.median) / floor.median:.2f} x; peak {again.peak:.0f} MB, "
        f"state {state.stat().st_size / 1000:.0f} KB)"
    )


def put_many(store: Minio, bucket: str, objects: int) -> None:
    """Put small objects; unsigned, for a client's signatures would take most of the time."""
    store.client.create_bucket(Bucket=bucket)
    anyone = {
        "Effect": "Allow",
        "Principal": {"AWS": ["*"]},
        "Action": ["s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{bucket}/*"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [anyone]})
    store.client.put_bucket_policy(Bucket=bucket, Policy=policy)
    host = store.url.removeprefix("http://")

    def put(numbers: range) -> None:
        with closing(HTTPConnection(host)) as connection:
            for number in numbers:
                body = b'{"title":"%d"}' % number
                connection.request("PUT", f"/{bucket}/songs/{number:08}.jsonl", body)
                answer = connection.getresponse()
                answer.read()
                if answer.status != HTTPStatus.OK:
                    raise RuntimeError(f"object {number}: the store answers {answer.status}")

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(put, [range(first, objects, WORKERS) for first in range(WORKERS)]))


def last_state(messages: Path) -> str:
    """Return the value of the last STATE in a file of messages, as JSON."""
    with messages.open("rb") as lines:
        states = [line for line in lines if line.startswith(b'{"type":"STATE"')]
    return json.dumps(json.loads(states[-1])["value"])


def case(
    scratch: Path, postgres: Postgres, store: Minio, layout: str, rounds: int
) -> dict[str, Figures]:
    """Time one layout: the tap and its floor, the target and its floor, in turn."""
    names = dict.fromkeys((*FLOORS.values(), *FLOORS, *STARTS.values()))
    figures = {name: Figures() for name in names}
    env = {**os.environ, **store.address(), **client_environment(postgres.uri)}
    messages, target_config = scratch / f"{layout}.singer", scratch / "target.json"
    tap_config = scratch / f"{layout}.tap.json"
    bucket = f"bench-{layout}"
    tap_config.write_text(json.dumps(tap_settings(store, bucket)))
    unheld_config = scratch / f"{layout}.raw.json"
    streams = [{"name": "lyrics", "prefix": "lyrics/", "key_properties": ["title"]}]
    unheld_config.write_text(
        json.dumps({"endpoint_url": store.url, "bucket": bucket, "streams": streams})
    )
    target_config.write_text(json.dumps(target_settings(postgres)))
    for _ in range(rounds):
        floor = [
            sys.executable,
            str(HERE / "floor_download.py"),
            *(store.url, bucket, "lyrics/", str(WORKERS)),
        ]
        timed(figures["download + parse"], floor, env=env)
        tap = [str(PROGRAMS / "tap-files"), "--config", str(tap_config)]
        timed(figures["tap-files"], tap, env=env, stdout=messages)
        unheld = [tap[0], "--config", str(unheld_config)]
        timed(figures[UNHELD], unheld, env=env, stdout=scratch / "unheld.singer")
        clear(postgres)
        target = [str(PROGRAMS / "target-postgres"), "--config", str(target_config)]
        timed(figures["target-postgres"], target, env=env, stdin=messages)
        for start in set(STARTS.values()):
            program, _, argument = start.partition(" ")
            timed(figures[start], [str(PROGRAMS / program), argument], env=env)
        timed(figures[r"psql \copy"], ready_made(scratch, postgres), env=env)
    return figures


def tap_settings(store: Minio, bucket: str) -> dict[str, object]:
    """Return the project's own configuration of tap-files, for the lyrics in ``bucket``."""
    return {
        "endpoint_url": store.url,
        "bucket": bucket,
        "streams": [
            {"name": "lyrics", "prefix": "lyrics/", "key_properties": ["lyric_id"]},
        ],
        "contract_mode": "quarantine",
        "contract_models": {"lyrics": "rap_model.Lyric"},
    }


def target_settings(postgres: Postgres) -> dict[str, object]:
    """Return the loader's configuration."""
    env = client_environment(postgres.uri)
    return {
        "host": env["TARGET_POSTGRES_HOST"],
        "port": int(env["TARGET_POSTGRES_PORT"]),
        "user": env["TARGET_POSTGRES_USER"],
        "password": env["TARGET_POSTGRES_PASSWORD"],
        "database": env["TARGET_POSTGRES_DATABASE"],
        "default_target_schema": "raw_files",
        "on_invalid_record": "quarantine",
    }


def clear(postgres: Postgres) -> None:
    """Remove what the load before wrote."""
    with psycopg.connect(postgres.uri, autocommit=True) as database:
        found = database.execute("select tablename from pg_tables where schemaname = 'raw_files'")
        for (name,) in found.fetchall():
            database.execute(f'drop table raw_files."{name}"'.encode())
        database.execute("checkpoint")


def ready_made(scratch: Path, postgres: Postgres) -> list[str]:
    """Write the loaded rows as COPY text and return the command that loads them again."""
    text = scratch / "ready.copy"
    with psycopg.connect(postgres.uri, autocommit=True) as database:
        with (
            text.open("wb") as file,
            database.cursor() as cursor,
            cursor.copy("copy raw_files.lyrics to stdout") as copy,
        ):
            file.writelines(copy)
        database.execute("drop table if exists floor")
        database.execute("create table floor (like raw_files.lyrics including all)")
        database.execute("checkpoint")
    return [str(psql()), postgres.uri, "-qc", rf"\copy floor from '{text}'"]


if __name__ == "__main__":
    main()
