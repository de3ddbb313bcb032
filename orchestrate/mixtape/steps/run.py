"""One run of the steps: its id, its tap and target, and what each step says of itself."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from psycopg.types.json import Jsonb

from mixtape.environment import read_env_file
from mixtape.pipeline import Pipeline, PipelineError, connect
from mixtape.steps.tables import STEPS, Tables

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_ERROR = 500


@dataclass
class Run:
    """A run, as one of its steps sees it."""

    id: str
    pipeline: Pipeline
    tables: Tables
    is_named: bool = True
    """Whether the id is also the load's own (`_sdc_loads.run_id`)."""
    summary: dict[str, Any] = field(default_factory=dict)
    """What the step found, in numbers: logged, and kept in its row."""

    @property
    def manifest(self) -> Path:
        """The file from which the tap reads what to load."""
        return Path(_setting("MANIFEST"))


@contextlib.contextmanager
def step(name: str) -> Iterator[Run]:
    """Do a step's work inside: its row says when it began, when it ended, and how.

    The plugin's settings say which tap and target it is about.

    Raises:
        PipelineError: they are not said, or the work ended so.
    """
    read_env_file()
    named = os.environ.get("MELTANO_RUN_ID")
    pipeline = Pipeline(
        _setting("TAP"), _setting("TARGET"), os.environ.get("MELTANO_ENVIRONMENT", "")
    )
    with connect(loader(pipeline.target)) as database:
        tables = Tables(database, _setting("SCHEMA"))
        run = Run(named or _of_the_command(), pipeline, tables, is_named=bool(named))
        began, clock = datetime.now(UTC), time.monotonic()
        error: str | None = None
        try:
            yield run
        except BaseException as problem:
            error = (str(problem) or type(problem).__name__)[:_LONGEST_ERROR]
            raise
        finally:
            seconds = round(time.monotonic() - clock, 3)
            _write(run, name, began, seconds, error)
            said = {"event": f"step {name}", "run_id": run.id, "seconds": seconds}
            print(json.dumps({**said, "error": error, **run.summary}), file=sys.stderr)


def _write(run: Run, name: str, began: datetime, seconds: float, error: str | None) -> None:
    run.tables.change(
        "insert into {steps} values (%(run)s, %(step)s, %(began)s, now(), %(seconds)s, %(error)s,"
        " %(summary)s) on conflict (run_id, step) do update set (started_at, finished_at, seconds,"
        " error, summary) = (excluded.started_at, excluded.finished_at, excluded.seconds,"
        " excluded.error, excluded.summary)",
        {
            "run": run.id,
            "step": name,
            "began": began,
            "seconds": seconds,
            "error": error,
            "summary": Jsonb(run.summary),
        },
        steps=STEPS,
    )


def loader(target: str) -> dict[str, Any]:
    """Return how a target connects: by its variables where they say it, for Meltano takes seconds.

    Raises:
        PipelineError: Meltano was asked, and did not know.
    """
    names = ("host", "port", "user", "password", "database")
    more = ("ssl_mode", "ssl_certificate_authority")
    found = {name: os.environ.get(f"TARGET_POSTGRES_{name.upper()}") for name in (*names, *more)}
    if found["host"] and found["user"] and found["database"]:
        return found
    return Pipeline("", target, os.environ.get("MELTANO_ENVIRONMENT", "")).target_config


def _setting(name: str) -> str:
    found = os.environ.get(f"LOAD_STEPS_{name}")
    if not found:
        raise PipelineError(
            f"LOAD_STEPS_{name} is not set: steps are Meltano commands, "
            "such as `meltano invoke load-steps:check`"
        )
    return found


def _of_the_command() -> str:
    """Return an id that all steps of one `meltano run` share, which nobody has named."""
    parent = psutil.Process(os.getppid())
    named = f"{socket.gethostname()} {parent.pid} {parent.create_time()}"
    return str(uuid.uuid5(uuid.NAMESPACE_OID, named))
