"""Whatever is sent, however it is cut, repeated, reordered or shared out: the table is right.

Each example draws a stream's shape, a feed of events and the way it comes, and compares the table
with the model in :mod:`model`. 100 examples of each run with the usual tests, 2,000 with the long.
"""

from __future__ import annotations

import contextlib
import io
import queue
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from target_postgres import TargetPostgres

from .conftest import Json, Warehouse, lines, state
from .model import Event, Table, feeds, held, shapes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .model import Shape

MODES = st.sampled_from(["soft", "hard", "ignore"])
CUTS = st.sets(st.integers(1, 19), max_size=3)
SIZES = st.integers(1, 9)

usual = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
thorough = settings(usual, max_examples=2_000)


def messages(shape: Shape, events: Sequence[Event], late_from: int = 0) -> list[Json]:
    """Return a feed as messages; columns that are late come with a SCHEMA of their own.

    Before it a record has those properties too: they are not declared yet, so they are left out.
    """
    found = [shape.schema(late=late_from == 0)]
    for number, event in enumerate(events, 1):
        found += [event.message(shape), state(t=number)]
        if number == late_from:
            found.append(shape.schema(late=True))
    return found


def declared(shape: Shape, events: Sequence[Event], late_from: int) -> list[Event]:
    """Return events with only those fields that the SCHEMA before them names."""
    return [
        Event(
            event.key,
            event.lsn,
            {
                name: value
                for name, value in event.fields.items()
                if number >= late_from or name not in shape.late
            },
            event.is_delete,
        )
        for number, event in enumerate(events)
    ]


def clear(warehouse: Warehouse) -> None:
    warehouse.execute("drop table if exists raw.t, raw._sdc_tombstones, raw._sdc_loads")


def load(warehouse: Warehouse, *sent: Json, **config: Any) -> list[Json]:
    result = warehouse.load(*sent, **config)
    assert result.error is None, result.error
    return result.states


def check_ordered(warehouse: Warehouse, data: st.DataObject) -> None:
    """Partial rows and key-only deletes, in their order, from any STATE again."""
    shape = data.draw(shapes())
    events = data.draw(feeds(shape, full=False))
    mode, size = data.draw(MODES), data.draw(SIZES)
    late_from = data.draw(st.integers(0, len(events)))
    sent = messages(shape, events, late_from)
    states = [n for n, one in enumerate(sent) if one["type"] == "STATE"]
    begin, end = 0, data.draw(st.sampled_from([*states, len(sent)]))
    while True:
        # A load that was cut off may have committed more than the STATE that is gone on from.
        seen = [one for one in sent[:begin] if one["type"] == "SCHEMA"]
        load(warehouse, *seen[-1:], *sent[begin:end], batch_size_rows=size, delete_mode=mode)
        if end == len(sent):
            break
        begin = data.draw(st.sampled_from([0, *(n for n in states if n <= end)]))
        end = data.draw(st.sampled_from([*(n for n in states if n > end), len(sent)]))
    model = Table(mode).apply(declared(shape, events, late_from))
    assert held(warehouse, shape) == model.expected(shape)


def check_commuting(warehouse: Warehouse, data: st.DataObject) -> None:
    """Full rows, in any order, cut and repeated anyhow."""
    shape = data.draw(shapes(has_lsn=True))
    events = data.draw(feeds(shape, full=True))
    mode, size, cuts = data.draw(MODES), data.draw(SIZES), data.draw(CUTS)
    sent = data.draw(st.permutations([*events, *data.draw(st.lists(st.sampled_from(events)))]))
    for start, stop in pairwise([0, *sorted(cut for cut in cuts if cut < len(sent)), len(sent)]):
        part = messages(shape, sent[start:stop])
        load(warehouse, *part, batch_size_rows=size, delete_mode=mode)
    assert held(warehouse, shape) == Table(mode).apply(events).expected(shape)


class Turns(io.RawIOBase):
    """Input of a loader that goes on when it is told to."""

    def __init__(self) -> None:
        self._pieces: queue.Queue[bytes] = queue.Queue()
        self._asked: queue.Queue[None] = queue.Queue()

    def give(self, piece: bytes) -> None:
        """Hand on one piece, and wait until all that came before has been taken in."""
        self._asked.get(timeout=60)
        self._pieces.put(piece)

    def read(self, size: int = -1) -> bytes:  # noqa: ARG002 - as of any file
        self._asked.put(None)
        return self._pieces.get(timeout=60)


def check_interleaved(warehouse: Warehouse, data: st.DataObject) -> None:
    """Two loaders of one table take turns anywhere, each with half of the rows or more."""
    shape = data.draw(shapes(has_lsn=True))
    events = data.draw(feeds(shape, full=True))
    mode = data.draw(MODES)
    shares = [
        data.draw(st.permutations([one for one, mine in zip(events, whose, strict=True) if mine]))
        for whose in data.draw(
            st.lists(
                st.sampled_from([(1, 0), (0, 1), (1, 1)]),
                min_size=len(events),
                max_size=len(events),
            ).map(lambda drawn: list(zip(*drawn, strict=True)))
        )
    ]
    inputs = [Turns(), Turns()]
    turns = data.draw(
        st.permutations([(number, one) for number, share in enumerate(shares) for one in share])
    )
    targets = [
        TargetPostgres(
            config=warehouse.config
            | {"run_id": f"run-{n}", "delete_mode": mode, "batch_size_rows": data.draw(SIZES)}
        )
        for n in range(2)
    ]
    with contextlib.redirect_stdout(io.StringIO()), ThreadPoolExecutor(2) as pool:
        ended = [
            pool.submit(target.listen, given)  # type: ignore[arg-type]
            for target, given in zip(targets, inputs, strict=True)
        ]
        for given in inputs:
            given.give(lines([shape.schema(late=True)]))
        for number, event in turns:
            inputs[number].give(lines([event.message(shape)]))
        for given in inputs:
            given.give(b"")
        for one in ended:
            one.result(60)
    assert held(warehouse, shape) == Table(mode).apply(events).expected(shape)


CHECKS = [check_ordered, check_commuting, check_interleaved]


def run(check: Callable[..., None], warehouse: Warehouse, data: st.DataObject) -> None:
    try:
        check(warehouse, data)
    finally:
        clear(warehouse)


@pytest.mark.parametrize("check", CHECKS)
@usual
@given(data=st.data())
def test_the_table_is_what_the_model_holds(
    shared_warehouse: Warehouse, check: Callable[..., None], data: st.DataObject
) -> None:
    run(check, shared_warehouse, data)


@pytest.mark.long
@pytest.mark.parametrize("check", CHECKS)
@thorough
@given(data=st.data())
def test_the_table_is_what_the_model_holds_in_2000_examples(
    shared_warehouse: Warehouse, check: Callable[..., None], data: st.DataObject
) -> None:
    run(check, shared_warehouse, data)
