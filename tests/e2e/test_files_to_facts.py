"""Rap files in MinIO become facts in PostgreSQL: the whole path, run as a cluster runs it."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

import pytest

from mixtape.corpus import Bucket, generate
from mixtape.services import Service

if TYPE_CHECKING:
    from fixtures.fix_meltano import MakeProject, Project, Run
    from mixtape.services import Part

TABLES = ("artists", "lyrics", "lyric_credits", "meetups", "performances", "_files")
JOB = "files-to-postgres"

ONE_MORE = b"""schema_version: 1
title: One More Replica
lyrics: |
  one more replica, then one more again
  the quorum is humming, we count up to ten
credits:
  - {artist: %s, role: singer}
updated_at: 2026-05-01T12:00:00Z
"""


def counts(project: Project) -> dict[str, tuple[int, int, int, int]]:
    """For each stream of the last run: inserted, updated, deleted, rejected."""
    return {
        stream: (
            row["rows_inserted"],
            row["rows_updated"],
            row["rows_deleted"],
            row["rows_rejected"],
        )
        for stream, row in project.last_load().items()
    }


def an_artist(raps: dict[str, bytes]) -> bytes:
    """The name of some artist of the corpus, as YAML."""
    first = next(body for key, body in raps.items() if key.startswith("artists/"))
    line = next(line for line in first.splitlines() if line.startswith(b"name:"))
    return line.split(b":", 1)[1].strip()


def test_a_first_run_a_quiet_run_and_a_run_with_one_file_changed_added_and_removed(
    project: Project, raps: dict[str, bytes]
) -> None:
    project.put(raps)
    run_id = str(uuid.uuid4())
    project.run(JOB, "transform", MELTANO_RUN_ID=run_id)

    [(lyrics, artists)] = project.rows(
        "select (select count(*) from marts.dim_lyrics), (select count(*) from marts.dim_artists)"
    )
    assert lyrics >= 40
    assert artists >= 15
    assert project.rows("select count(*) from marts.fct_lyric_releases") == [(lyrics,)]
    first = project.last_load()
    assert {row["run_id"] for row in first.values()} == {run_id}
    assert first["_files"]["rows_inserted"] == len(raps)
    assert all(row["finished_at"] for row in first.values())
    before = {table: project.business_rows(table) for table in TABLES}

    project.run(JOB)
    assert project.last_load()["lyrics"]["run_id"] != run_id
    assert set(counts(project).values()) == {(0, 0, 0, 0)}
    assert {table: project.business_rows(table) for table in TABLES} == before

    changed = next(key for key, body in raps.items() if b"\nalbum: " in body)
    removed = next(
        key for key in raps if key.startswith("lyrics/") and key != changed and key[-5:] == ".yaml"
    )
    project.put({changed: raps[changed].replace(b"\nalbum: ", b"\nalbum: The Second ")})
    project.put({"lyrics/one-more-replica.yaml": ONE_MORE % an_artist(raps)})
    project.delete(removed)
    project.run(JOB, "transform")

    after = counts(project)
    assert after["_files"] == (1, 1, 1, 0)
    assert after["lyrics"] == (1, 1, 0, 0)
    titles = {title for (title,) in project.rows("select title from marts.dim_lyrics")}
    assert "One More Replica" in titles
    [(albums,)] = project.rows(
        "select count(*) from marts.dim_lyrics where album like 'The Second %'"
    )
    assert albums == 1
    assert len(titles) <= lyrics  # one came, at least one went


def test_a_poison_file_is_named_in_quarantine_and_the_good_ones_land(
    project: Project, raps: dict[str, bytes]
) -> None:
    project.put(raps)
    project.put({"lyrics/poison.yaml": b"title: [unclosed\nlyrics: nothing\n"})
    run = project.run(JOB, "transform")

    load = project.last_load()
    assert load["lyrics"]["rows_rejected"] + load["lyrics__rejected"]["rows_in"] == 1
    [(source, path)] = project.rows("select source_key, error_path from raw_files.lyrics__rejected")
    assert source.startswith(f"{project.bucket}/lyrics/poison.yaml#")
    assert path == "$"
    assert "poison.yaml" in run.log
    [(lyrics,)] = project.rows("select count(*) from marts.dim_lyrics")
    assert lyrics >= 40

    status = project.mixtape("status")
    assert status.returncode == 5, status.stderr
    assert "In quarantine: 1 " in status.stdout
    assert "lyrics/poison.yaml" in status.stdout

    project.put({"lyrics/poison.yaml": ONE_MORE % an_artist(raps)})
    project.run(JOB, "transform")
    assert project.mixtape("status").returncode == 0
    assert project.rows("select count(*) from marts.dim_lyrics") == [(lyrics + 1,)]


def test_state_in_a_bucket_is_all_that_the_next_machine_needs(
    make_project: MakeProject, raps: dict[str, bytes]
) -> None:
    first = make_project()
    first.put(raps)
    state = {
        "MELTANO_STATE_BACKEND_URI": f"s3://{first.bucket}/_state",
        "AWS_ENDPOINT_URL_S3": first.store.endpoint_url,
    }
    first.run(JOB, **state)

    elsewhere = make_project(first.bucket)
    elsewhere.database = first.database
    elsewhere.run(JOB, **state)
    assert counts(elsewhere)["lyrics"] == (0, 0, 0, 0)
    assert elsewhere.last_load()["lyrics"]["rows_in"] == 0


def test_killed_at_ten_moments_the_next_run_ends_in_the_same_tables(
    make_project: MakeProject, raps: dict[str, bytes]
) -> None:
    undisturbed = make_project()
    fill(undisturbed, raps)
    started = time.monotonic()
    undisturbed.run(JOB)
    seconds = time.monotonic() - started
    expected = {table: undisturbed.business_rows(table) for table in TABLES}

    cut_short = 0
    for moment in range(10):
        project = make_project(undisturbed.bucket)
        run = project.start(JOB)
        # The moments spread over the whole run: start-up, the load, and the end of it.
        await_run(run, seconds * (0.35 + 0.06 * moment))
        cut_short += run.code is None
        run.kill()

        project.run(JOB)
        assert {table: project.business_rows(table) for table in TABLES} == expected, moment
    assert cut_short >= 5, "most kills must hit a run that was still going"


def test_minio_stopped_and_started_during_a_run_loses_nothing(
    make_project: MakeProject, raps: dict[str, bytes]
) -> None:
    undisturbed = make_project()
    store = ours(undisturbed.store.service)
    fill(undisturbed, raps)
    undisturbed.run(JOB)

    project = make_project(undisturbed.bucket)
    run = project.start(JOB)
    await_first_rows(project, run)
    store.stop()
    try:
        await_run(run, 3)
    finally:
        store.start()
    converges(project, run, undisturbed, said="cannot be reached")


def test_postgres_restarted_during_a_run_loses_nothing(
    make_project: MakeProject, raps: dict[str, bytes], postgres: Part
) -> None:
    server = ours(postgres)
    undisturbed = make_project()
    fill(undisturbed, raps)
    undisturbed.run(JOB)

    project = make_project(undisturbed.bucket)
    run = project.start(JOB)
    await_first_rows(project, run)
    server.stop()
    server.start()
    converges(project, run, undisturbed, said="PostgreSQL")


def ours(part: Part) -> Service:
    """The server, if it is one that a test may stop."""
    if not isinstance(part, Service):
        # Somebody else's server, who named its address, is never stopped.
        pytest.skip(f"{part.title} at {part.url} is not ours to stop: unset its address")
    return part


def converges(project: Project, run: Run, undisturbed: Project, *, said: str) -> None:
    """The disturbed run recovers, or says why not and the next one ends in the same tables."""
    run.wait()
    if run.code:
        assert said in run.log, run.log
        project.run(JOB)
    for table in TABLES:
        assert project.business_rows(table) == undisturbed.business_rows(table), table


def fill(project: Project, raps: dict[str, bytes]) -> None:
    """Put the authored corpus and some thousands of generated lyrics into the bucket."""
    project.put(raps)
    place = Bucket(project.store.client, project.bucket)
    generate(place, lyrics=20_000, seed=3, layout="jsonl", files=8)


def await_run(run: Run, seconds: float) -> None:
    """Let the run go on for so long, or until it ends."""
    deadline = time.monotonic() + seconds
    while run.code is None and time.monotonic() < deadline:
        time.sleep(0.02)


def await_first_rows(project: Project, run: Run) -> None:
    """Return once a load has committed rows and the run still goes on."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert run.code is None, f"ended too early: {run.log}"
        if project.rows("select to_regclass('raw_files._sdc_loads') is not null") == [(True,)]:
            [(rows,)] = project.rows("select coalesce(sum(rows_in), 0) from raw_files._sdc_loads")
            if rows:
                return
        time.sleep(0.02)
    raise AssertionError(f"no rows came: {run.log}")
