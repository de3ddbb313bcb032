"""Meltano's state, made anew from what the warehouse says that it holds.

Each row of `_sdc_loads` has the STATE that its last commit made durable, so none is ahead of the
rows. Of several the newest counts, and for each stream's bookmark the stream's own newest row.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import errors, sql

from mixtape.pipeline import PipelineError, connect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mixtape.pipeline import Pipeline

State = dict[str, Any]


def restore_state(pipeline: Pipeline) -> State:
    """Set the job's state from its target's `_sdc_loads`; returns the state.

    Raises:
        PipelineError: the target has loaded nothing of this tap that had a STATE.
    """
    config = pipeline.target_config
    streams = list(pipeline.catalog)
    table = sql.Identifier(config.get("default_target_schema", "public"), "_sdc_loads")
    with connect(config) as database:
        try:
            rows = database.execute(
                sql.SQL(
                    "select stream, state from {} where stream = any (%s) and state is not null"
                    " order by started_at"
                ).format(table),
                (streams,),
            ).fetchall()
        except errors.UndefinedTable:
            rows = []
    state = merged(rows)
    if not state:
        raise PipelineError(f"{pipeline.target} has loaded nothing of {pipeline.tap} yet")
    with tempfile.TemporaryDirectory() as folder:
        pipeline.set_state(state, Path(folder))
    return state


def merged(rows: Iterable[tuple[str, State]]) -> State:
    """Return the STATE to go on from; ``rows`` are (stream, STATE), the newest last."""
    state: State = {}
    own: dict[str, Any] = {}
    for stream, found in rows:
        state = found
        marks = found.get("bookmarks")
        if isinstance(marks, dict) and stream in marks:
            own[stream] = marks[stream]
    if own:
        state = {**state, "bookmarks": {**state["bookmarks"], **own}}
    return state
