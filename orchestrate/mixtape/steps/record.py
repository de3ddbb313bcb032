"""The seventh step: one row that says what the run was, took and left."""

from __future__ import annotations

import importlib.metadata
import os
from typing import TYPE_CHECKING, Any

from mixtape.steps.tables import FILES, RUNS, STEPS

if TYPE_CHECKING:
    from mixtape.steps.run import Run

_LOADS = "_sdc_loads"
_LOADED = "_files"
_COUNTS = ("rows_in", "rows_inserted", "rows_updated", "rows_deleted", "rows_rejected")
_TIMES = ("load", "build")


def record(run: Run) -> None:
    """Write the run's row: its image, its inputs, what the load made of them, each step's time."""
    loaded = _load(run)
    found = run.tables.select(
        "select count(*), coalesce(sum(size), 0)::bigint from {files} where run_id = %(run)s",
        {"run": run.id},
        files=FILES,
    )
    files, size = found[0]
    left = _left(run)
    run.tables.change(
        "insert into {runs} select %(run)s, %(workflow)s, %(environment)s, %(tap)s, %(target)s,"
        " %(image)s, %(version)s, min(started_at), now(),"
        " extract(epoch from now() - min(started_at)), %(files)s, %(bytes)s, %(left)s,"
        " %(rows_in)s, %(rows_inserted)s, %(rows_updated)s, %(rows_deleted)s, %(rows_rejected)s,"
        " jsonb_object_agg(step, seconds)"
        " || jsonb_strip_nulls("
        "jsonb_build_object('load', %(load)s::float, 'build', %(build)s::float))"
        " from {steps} where run_id = %(run)s"
        " on conflict (run_id) do update set (finished_at, seconds, files_left, rows_in,"
        " rows_inserted, rows_updated, rows_deleted, rows_rejected, steps) = (excluded.finished_at,"
        " excluded.seconds, excluded.files_left, excluded.rows_in, excluded.rows_inserted,"
        " excluded.rows_updated, excluded.rows_deleted, excluded.rows_rejected, excluded.steps)",
        {
            "run": run.id,
            "workflow": os.environ.get("MIXTAPE_WORKFLOW"),
            "environment": run.pipeline.environment,
            "tap": run.pipeline.tap,
            "target": run.pipeline.target,
            "image": os.environ.get("MIXTAPE_IMAGE"),
            "version": importlib.metadata.version("mixtape-elt"),
            "files": files,
            "bytes": size,
            "left": left,
            **loaded,
        },
        runs=RUNS,
        steps=STEPS,
    )
    run.summary |= {"files": files, "bytes": size, "files_left": left, **loaded}


def _load(run: Run) -> dict[str, Any]:
    """Return what the load says of itself; without a name of its own the run's is the newest.

    The build says nothing here: it is what lies between the load and this step.
    """
    if not run.tables.exists(_LOADS):
        return dict.fromkeys((*_COUNTS, *_TIMES))
    found = run.tables.select(
        "select sum(rows_in)::bigint, sum(rows_inserted)::bigint, sum(rows_updated)::bigint,"
        " sum(rows_deleted)::bigint, sum(rows_rejected)::bigint,"
        " extract(epoch from max(finished_at) - min(started_at))::float,"
        " extract(epoch from now() - max(finished_at))::float"
        " from {loads} where run_id = %(run)s or (not %(named)s and started_at >= ("
        " select min(started_at) from {steps} where run_id = %(run)s))",
        {"run": run.id, "named": run.is_named},
        loads=_LOADS,
        steps=STEPS,
    )
    return dict(zip((*_COUNTS, *_TIMES), found[0], strict=True))


def _left(run: Run) -> int:
    """Return how many files of the manifest changed before they were loaded: the next run's."""
    if not run.tables.exists(_LOADED):
        return 0
    found = run.tables.select(
        "select count(*) from {files} as files where run_id = %(run)s and not exists ("
        " select from {loaded} as loaded where (loaded.bucket, loaded.key) ="
        " (files.bucket, files.key) and loaded.seen_etag = files.etag)",
        {"run": run.id},
        files=FILES,
        loaded=_LOADED,
    )
    return int(found[0][0])
