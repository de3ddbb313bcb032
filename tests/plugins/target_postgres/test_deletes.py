"""What deletes and activated versions do to rows, and that nothing older undoes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from singer_kit.errors import ExitCode
from target_postgres import deletes

from .conftest import Warehouse, record, schema, state
from .test_merge import COLUMNS, SCHEMA, deletion, held, row

if TYPE_CHECKING:
    from .conftest import Json

HARD = {"delete_mode": "hard"}


def activation(version: int, **more: Any) -> Json:
    return {"type": "ACTIVATE_VERSION", "stream": "t", "version": version, **more}


def versioned(version: int, *one: Any, **fields: Any) -> Json:
    return row(*one, **fields) | {"version": version}


def tombstones(warehouse: Warehouse) -> list[tuple[Any, int]]:
    """Return (key, lsn) of each removed row."""
    rows = warehouse.rows("_sdc_tombstones", "key, lsn", "key")
    return [(one["key"], one["lsn"]) for one in rows]


@pytest.mark.parametrize("config", [HARD, {"hard_delete": True}])
def test_a_hard_delete_removes_its_row_and_keeps_its_version(
    warehouse: Warehouse, config: Json
) -> None:
    warehouse.load(SCHEMA, row(1, 1, a="gone", b=[1]), row(2, 1, a="kept", b=None), **config)
    warehouse.load(SCHEMA, deletion(1, 2), deletion(3, 9), run_id="run-2", **config)
    assert held(warehouse) == [(2, 1, "kept", None, False)]
    assert tombstones(warehouse) == [([1], 2), ([3], 9)]
    assert warehouse.load_row("t", "run-2")["rows_deleted"] == 1


def test_only_a_newer_row_follows_a_hard_delete(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, *(row(key, 1, a="first", b=[key]) for key in (1, 2, 3)), **HARD)
    warehouse.load(SCHEMA, *(deletion(key, 5) for key in (1, 2, 3)), **HARD)
    later = [row(1, 4, a="old", b=None), row(2, 6, a="new"), row(3, None, a="old")]
    warehouse.load(SCHEMA, *later, run_id="run-2", **HARD)
    assert held(warehouse) == [(2, 6, "new", None, False)]
    found = warehouse.load_row("t", "run-2")
    assert (found["rows_inserted"], found["rows_stale"]) == (1, 2)


def test_a_stale_hard_delete_removes_nothing(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, row(1, 5, a="new", b=[1]), **HARD)
    warehouse.load(SCHEMA, deletion(1, 4), deletion(1, None), run_id="run-2", **HARD)
    assert held(warehouse) == [(1, 5, "new", [1], False)]
    assert warehouse.load_row("t", "run-2")["rows_stale"] == 2


def test_what_follows_a_hard_delete_in_its_batch_begins_anew(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, row(1, 1, a="a", b=[1]), **HARD)
    warehouse.load(SCHEMA, row(1, 2, b=[2]), deletion(1, 3), row(1, 4, a="again"), **HARD)
    assert held(warehouse) == [(1, 4, "again", None, False)]


def test_a_hard_delete_without_a_version_follows_arrival(warehouse: Warehouse) -> None:
    plain = schema("t", {name: COLUMNS[name] for name in ("id", "a")})
    gone = record("t", id=1, _sdc_deleted_at="2024-05-01T00:00:00Z")
    warehouse.load(plain, record("t", id=1, a="a"), record("t", id=2, a="b"), gone, **HARD)
    assert warehouse.rows("t") == [{"id": 2, "a": "b"}]
    warehouse.load(plain, gone, record("t", id=1, a="back"), **HARD)
    assert warehouse.rows("t") == [{"id": 1, "a": "back"}, {"id": 2, "a": "b"}]


def test_an_emptied_table_is_not_appended_to_unseen(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, row(1, 1, a="a"), **HARD)
    warehouse.load(SCHEMA, deletion(1, 5), **HARD)
    assert held(warehouse) == []
    warehouse.load(SCHEMA, row(1, 4, a="old", b=[]), **HARD)
    assert held(warehouse) == []


def test_a_hard_delete_is_undone_with_its_batch(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, row(1, 1, a="a", b=[]), **HARD)
    warehouse.execute("alter table raw._sdc_loads add check (rows_deleted = 0)")
    assert warehouse.load(SCHEMA, deletion(1, 2), **HARD).exit_code == ExitCode.TARGET_WRITE
    assert held(warehouse) == [(1, 1, "a", [], False)]
    assert tombstones(warehouse) == []


def test_tombstones_are_forgotten_after_their_retention(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, deletion(1, 5), deletion(2, 5), **HARD)
    warehouse.execute(
        "update raw._sdc_tombstones set deleted_at = deleted_at - interval '31 days'"
        " where key = '[1]'"
    )
    warehouse.load(SCHEMA, **HARD)
    assert tombstones(warehouse) == [([2], 5)]


def test_ignored_deletes_change_nothing(warehouse: Warehouse) -> None:
    rows = [versioned(1, 1, 1, a="a", b=[1]), deletion(1, 2, a="never"), deletion(2, 2)]
    warehouse.load(SCHEMA, *rows, activation(2), delete_mode="ignore")
    assert held(warehouse) == [(1, 1, "a", [1], False)]
    found = warehouse.load_row("t")
    assert (found["rows_in"], found["rows_deleted"], found["rows_stale"]) == (3, 0, 0)


@pytest.mark.parametrize("mode", ["soft", "hard"])
def test_an_activated_version_goes_through_the_table_in_parts(
    warehouse: Warehouse, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletes, "BLOCKS_AT_ONCE", 1)
    old = [versioned(1, key, 1, a="x" * 900, b=None) for key in range(100)]
    warehouse.load(SCHEMA, *old, delete_mode=mode)
    warehouse.execute(
        "create table raw.seen (xid bigint, at_state text);"
        "create function raw.look() returns trigger language plpgsql as $$ begin insert into"
        " raw.seen select txid_current(), state #>> '{bookmarks,t}' from raw._sdc_loads"
        " where run_id = 'run-2'; return null; end $$;"
        "create trigger look after insert on raw._sdc_loads"
        " for each statement execute function raw.look()"
    )
    new = [versioned(2, key, 2, a="new", b=None) for key in range(0, 100, 10)]
    done = [*new, state(t="done"), activation(2)]
    result = warehouse.load(SCHEMA, *done, delete_mode=mode, run_id="run-2")
    assert result.states == [{"bookmarks": {"t": "done"}}]
    assert [one[0] for one in held(warehouse) if not one[-1]] == list(range(0, 100, 10))
    assert len(held(warehouse)) == (100 if mode == "soft" else 10)
    assert warehouse.load_row("t", "run-2")["rows_deleted"] == 90
    assert warehouse.value("select count(distinct xid) from raw.seen") > 10
    # The last part, and the end of the run.
    assert warehouse.value("select count(*) from raw.seen where at_state = 'done'") == 2
    if mode == "hard":
        assert len(tombstones(warehouse)) == 90
        warehouse.load(SCHEMA, row(1, 0, a="old", b=None), delete_mode=mode)
        assert [one[0] for one in held(warehouse)] == list(range(0, 100, 10))


@pytest.mark.parametrize("mode", ["soft", "hard"])
def test_an_empty_version_is_activated_for_a_reason_only(warehouse: Warehouse, mode: str) -> None:
    warehouse.load(SCHEMA, versioned(1, 1, 1, a="a", b=[]), delete_mode=mode)
    refused = warehouse.load(SCHEMA, activation(2), state(t="past"), delete_mode=mode)
    assert refused.exit_code == ExitCode.TARGET_WRITE
    assert "would delete every row of raw.t" in str(refused.error)
    assert refused.states == []
    assert held(warehouse) == [(1, 1, "a", [], False)]
    right = activation(2, reason="collection_dropped")
    allowed = warehouse.load(SCHEMA, right, state(t="past"), delete_mode=mode)
    assert allowed.states == [{"bookmarks": {"t": "past"}}]
    assert [one for one in held(warehouse) if not one[-1]] == []


def test_a_version_of_a_table_without_rows_needs_no_reason(warehouse: Warehouse) -> None:
    assert warehouse.load(SCHEMA, activation(2)).error is None


def test_a_full_refresh_updates_what_is_there_and_soft_deletes_what_is_gone(
    warehouse: Warehouse,
) -> None:
    first = [versioned(1, key, None, a="first", b=None) for key in (1, 2, 3)]
    warehouse.load(SCHEMA, *first, activation(1))
    again = [versioned(2, key, None, a="again", b=None) for key in (2, 3, 4)]
    warehouse.load(SCHEMA, *again, activation(2), run_id="run-2")
    assert [(one[0], one[2], one[-1]) for one in held(warehouse)] == [
        (1, "first", True),
        (2, "again", False),
        (3, "again", False),
        (4, "again", False),
    ]


@pytest.mark.parametrize("mode", ["soft", "hard"])
def test_a_log_based_run_without_changes_wipes_nothing(warehouse: Warehouse, mode: str) -> None:
    """Its ACTIVATE_VERSION names the version of the rows that are there."""
    warehouse.load(SCHEMA, versioned(1, 1, 1, a="a", b=[]), activation(1), delete_mode=mode)
    result = warehouse.load(SCHEMA, activation(1), state(t="later"), delete_mode=mode)
    assert result.states == [{"bookmarks": {"t": "later"}}]
    assert held(warehouse) == [(1, 1, "a", [], False)]
