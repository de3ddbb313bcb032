"""Which STATE is printed, and when."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from singer_kit.errors import ExitCode
from target_postgres.bookmarks import Bookmarks

from .conftest import Warehouse, record, schema, state

ID = {"id": {"type": "integer"}}


def test_the_last_state_is_printed_when_all_is_committed(warehouse: Warehouse) -> None:
    result = warehouse.load(
        schema("a", ID), record("a", id=1), state(a=1), record("a", id=2), state(a=2)
    )
    assert result.states == [{"bookmarks": {"a": 2}}]


def test_states_are_printed_on_the_way(warehouse: Warehouse) -> None:
    messages = [one for n in range(6) for one in (record("a", id=n), state(a=n))]
    result = warehouse.load(schema("a", ID), *messages, batch_size_rows=2)
    assert [one["bookmarks"]["a"] for one in result.states] == [0, 1, 2, 3, 4, 5]


def test_a_state_of_any_form_is_passed_on(warehouse: Warehouse) -> None:
    value = {"my_own": [1, {"ключ": None}], "bookmarks": "not an object"}
    result = warehouse.load(schema("a", ID), record("a", id=1), {"type": "STATE", "value": value})
    assert result.states == [value]


def test_no_state_and_an_empty_one_print_nothing(warehouse: Warehouse) -> None:
    assert warehouse.load(schema("a", ID), record("a", id=1)).states == []
    assert warehouse.load(schema("a", ID), {"type": "STATE", "value": {}}).states == []
    assert warehouse.load(schema("a", ID), state(a=1), {"type": "STATE", "value": {}}).states == [
        {"bookmarks": {"a": 1}}
    ]


def test_a_state_without_records_is_printed(warehouse: Warehouse) -> None:
    assert warehouse.load(schema("a", ID), state(a=1)).states == [{"bookmarks": {"a": 1}}]


def break_stream(warehouse: Warehouse, name: str) -> None:
    """Let every insert into a stream's table fail for a reason that lies in no row."""
    warehouse.load(schema(name, ID))
    warehouse.execute(
        "create function raw.broken() returns trigger language plpgsql as"
        " $$ begin raise exception 'out of order'; end $$;"
        f"create trigger broken before insert on raw.{name} execute function raw.broken()"
    )


def test_a_failing_stream_does_not_lose_the_others_state(warehouse: Warehouse) -> None:
    break_stream(warehouse, "b")
    result = warehouse.load(
        schema("a", ID),
        schema("b", ID),
        record("a", id=1),
        state(a=1, b=0),
        record("b", id=1),
        state(a=1, b=1),
        record("a", id=2),
        record("b", id=2),
        state(a=2, b=2),
        batch_size_rows=1,
    )
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert "stream b: out of order" in str(result.error)
    assert result.states[-1] == {"bookmarks": {"a": 2, "b": 0}}
    assert [row["id"] for row in warehouse.rows("a")] == [1, 2]
    assert warehouse.load_row("a")["finished_at"] is not None
    assert warehouse.load_row("a")["state"] == {"bookmarks": {"a": 2, "b": 0}}


def test_nothing_moves_past_a_failing_stream_that_has_no_bookmark(warehouse: Warehouse) -> None:
    break_stream(warehouse, "child")
    result = warehouse.load(
        schema("parent", ID),
        schema("child", ID),
        record("parent", id=1),
        state(parent=1),
        record("child", id=1),
        record("parent", id=2),
        state(parent=2),
        batch_size_rows=1,
    )
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert result.states == [{"bookmarks": {"parent": 1}}]


def test_no_first_state_leaves_out_a_stream_that_is_still_to_be_committed(
    warehouse: Warehouse,
) -> None:
    """Killed between the two commits, the next run would read the other stream from its start."""
    warehouse.load(schema("a", ID), schema("b", ID))
    messages = [record("a", id=1), record("b", id=1), state(a=1, b=1), record("a", id=2)]
    result = warehouse.load(schema("a", ID), schema("b", ID), *messages, state(a=2, b=1))
    assert [one["bookmarks"].keys() for one in result.states] == [{"a", "b"}]


def test_a_stream_with_a_full_batch_is_committed_while_others_wait(warehouse: Warehouse) -> None:
    shapes = [schema("a", ID), schema("b", ID)]
    few = [record("b", id=1), state(a=0, b=1)]
    many = [one for n in range(1, 5) for one in (record("a", id=n), state(a=n, b=1))]
    result = warehouse.load(
        *shapes, state(a=0, b=0), *few, *many, "nonsense", batch_size_rows=2, run_id="run-2"
    )
    marks = [one["bookmarks"] for one in result.states]
    assert marks == [{"a": 0, "b": 0}, {"b": 0, "a": 1}, {"b": 0, "a": 3}, {"a": 4, "b": 1}]


def test_a_refused_table_does_not_stop_the_other_streams(warehouse: Warehouse) -> None:
    warehouse.execute("create schema raw; create table raw.b (id bigint)")
    result = warehouse.load(
        schema("a", ID), schema("b", ID), record("a", id=1), record("b", id=1), state(a=1, b=1)
    )
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert result.states == [{"bookmarks": {"a": 1}}]
    assert warehouse.rows("a") == [{"id": 1}]


NAMES = st.sampled_from(["a", "b", "c"])
STATES = st.fixed_dictionaries(
    {"bookmarks": st.dictionaries(NAMES, st.integers(0, 9), min_size=1)},
    optional={"cursor": st.integers(0, 9)},
)


@given(steps=st.lists(st.tuples(STATES, st.sets(NAMES)), min_size=1, max_size=8))
def test_no_bookmark_is_ahead_of_what_waits(steps: list[tuple[dict[str, Any], set[str]]]) -> None:
    bookmarks = Bookmarks()
    for target, waiting in steps:
        before = bookmarks.durable
        bookmarks.move(bookmarks.reached(target, waiting))
        after = bookmarks.durable
        if not waiting:
            assert after == target
            continue
        marks, old = after.get("bookmarks", {}), before.get("bookmarks", {})
        assert after.get("cursor") == before.get("cursor")
        assert all(marks.get(name) == old.get(name) for name in waiting)
        if not waiting <= target["bookmarks"].keys():
            assert after == before


@pytest.mark.parametrize("waits", [0.0, 600.0])
def test_rows_are_committed_when_they_have_waited_long_enough(
    warehouse: Warehouse, waits: float
) -> None:
    messages = [one for n in range(3) for one in (record("a", id=n), state(a=n))]
    result = warehouse.load(schema("a", ID), *messages, batch_wait_limit_seconds=waits)
    assert len(result.states) == (1 if waits else 3)
