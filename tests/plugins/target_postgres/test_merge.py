"""Which version of a row stays, whatever order rows come in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from target_postgres import tables

from .conftest import Warehouse, lines, record, schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from .conftest import Json

COLUMNS = {
    "id": {"type": "integer"},
    "a": {"type": ["string", "null"]},
    "b": {"type": ["array", "null"]},
    "_sdc_lsn": {"type": ["integer", "null"]},
}
SCHEMA = schema("t", COLUMNS)
DELETED = "2024-05-01T00:00:00+00:00"


def row(key: int, lsn: int | None, **fields: Any) -> Json:
    return record("t", id=key, _sdc_lsn=lsn, **fields)


def deletion(key: int, lsn: int | None, **fields: Any) -> Json:
    return record("t", id=key, _sdc_lsn=lsn, _sdc_deleted_at=DELETED, **fields)


def held(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    """Return (id, lsn, a, b, deleted) of each row."""
    rows = warehouse.rows("t", "id, _sdc_lsn, a, b, _sdc_deleted_at is not null as deleted")
    return [tuple(one.values()) for one in rows]


def test_an_older_row_does_not_replace_a_newer_one(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, row(1, 5, a="new", b=[1]), row(2, 5, a="x", b=None))
    warehouse.load(SCHEMA, row(1, 4, a="old", b=[0]), row(2, 6, a="y", b=None), run_id="run-2")
    assert held(warehouse) == [(1, 5, "new", [1], False), (2, 6, "y", None, False)]
    found = warehouse.load_row("t", "run-2")
    assert (found["rows_in"], found["rows_updated"], found["rows_stale"]) == (2, 1, 1)


def test_a_row_that_says_nothing_new_is_not_written_again(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, row(1, 5, a="same", b=[1.0]), row(2, 5, a="x", b=None))
    before = {one["id"]: one["xmin"] for one in warehouse.rows("t", "id, xmin::text")}
    warehouse.load(SCHEMA, row(1, 5, a="same", b=[1.0]), row(2, 5, a="y", b=None), run_id="run-2")
    after = {one["id"]: one["xmin"] for one in warehouse.rows("t", "id, xmin::text")}
    assert after[1] == before[1]
    assert after[2] != before[2]
    found = warehouse.load_row("t", "run-2")
    assert (found["rows_in"], found["rows_updated"], found["rows_stale"]) == (2, 1, 1)


def test_numbers_that_are_equal_but_spelled_anew_are_news(warehouse: Warehouse) -> None:
    spelled = '{"type":"RECORD","stream":"t","record":{"id":1,"_sdc_lsn":5,"b":[%s]}}'
    warehouse.load(SCHEMA, spelled % "1.0")
    warehouse.load(SCHEMA, spelled % "1.00")
    assert warehouse.rows("t", "b::text") == [{"b": "[1.00]"}]


def test_a_new_table_version_is_news(warehouse: Warehouse) -> None:
    one = row(1, 5, a="same", b=None)
    warehouse.load(SCHEMA, one | {"version": 1})
    warehouse.load(SCHEMA, one | {"version": 2})
    assert warehouse.rows("t", "_sdc_table_version") == [{"_sdc_table_version": 2}]


def test_an_equal_version_is_written_again(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, row(1, 5, a="first", b=None))
    warehouse.load(SCHEMA, row(1, 5, a="second", b=None))
    assert held(warehouse) == [(1, 5, "second", None, False)]


def test_a_row_without_a_version_does_not_replace_one_with(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, row(1, 5, a="with", b=None), row(2, None, a="without", b=None))
    warehouse.load(SCHEMA, row(1, None, a="without", b=None), row(2, 1, a="with", b=None))
    assert held(warehouse) == [(1, 5, "with", None, False), (2, 1, "with", None, False)]


def test_without_a_version_column_the_last_arrival_stays(warehouse: Warehouse) -> None:
    plain = schema("t", {name: COLUMNS[name] for name in ("id", "a")})
    warehouse.load(plain, *(record("t", id=1, a=str(n)) for n in range(5)))
    assert warehouse.rows("t") == [{"id": 1, "a": "4"}]
    warehouse.load(plain, record("t", id=1, a="later"))
    assert warehouse.rows("t") == [{"id": 1, "a": "later"}]


def test_an_absent_property_leaves_the_stored_value_and_a_null_does_not(
    warehouse: Warehouse,
) -> None:
    warehouse.load(SCHEMA, *(row(key, 1, a="a", b=[key]) for key in (1, 2, 3)))
    warehouse.load(SCHEMA, row(1, 2, a="new"), row(2, 2, a=None), row(3, 2, a="new", b=None))
    assert held(warehouse) == [
        (1, 2, "new", [1], False),
        (2, 2, None, [2], False),
        (3, 2, "new", None, False),
    ]


def test_a_new_partial_row_has_nulls(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, row(1, 1, b=[]), row(2, 1))
    assert held(warehouse) == [(1, 1, None, [], False), (2, 1, None, None, False)]


def test_rows_of_one_key_in_a_batch_are_folded_field_by_field(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, row(1, 3, a="three"), row(1, 1, a="one", b=[1]), row(1, 2, a="two"))
    assert held(warehouse) == [(1, 3, "three", [1], False)]
    warehouse.load(SCHEMA, row(1, 4, a=None), row(1, 5, b=[5]), row(2, 1), row(2, 1, a="tie"))
    assert held(warehouse) == [(1, 5, None, [5], False), (2, 1, "tie", None, False)]


@pytest.mark.parametrize("lsn", [None, 5])
def test_rows_of_one_key_and_version_end_alike_when_they_come_again(
    warehouse: Warehouse, lsn: int | None
) -> None:
    # The second is what the table holds by then, and the first one has a gap to fill.
    sent = [SCHEMA, row(1, lsn, a="first"), row(1, lsn, a="last", b=[1])]
    warehouse.load(*sent)
    warehouse.load(*sent, run_id="run-2")
    assert held(warehouse) == [(1, lsn, "last", [1], False)]
    found = warehouse.load_row("t", "run-2")
    assert (found["rows_in"], found["rows_updated"], found["rows_stale"]) == (2, 0, 1)


def test_no_field_of_a_stale_row_is_folded_in(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, row(1, 7, a="seven", b=[7]))
    rows = [row(1, 8), row(1, 5, a="five", b=[5]), row(1, 9, a="nine")]
    warehouse.load(SCHEMA, *rows, run_id="run-2")
    assert held(warehouse) == [(1, 9, "nine", [7], False)]
    found = warehouse.load_row("t", "run-2")
    assert (found["rows_in"], found["rows_updated"], found["rows_stale"]) == (3, 1, 1)


def test_a_key_only_delete_keeps_the_other_columns(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, row(1, 1, a="kept", b=[1]), row(2, 1, a="kept", b=None))
    warehouse.load(SCHEMA, deletion(1, 2), run_id="run-2")
    assert held(warehouse) == [(1, 2, "kept", [1], True), (2, 1, "kept", None, False)]
    assert warehouse.load_row("t", "run-2")["rows_deleted"] == 1


def test_an_older_upsert_does_not_bring_a_deleted_row_back_and_a_newer_one_does(
    warehouse: Warehouse,
) -> None:
    warehouse.load(SCHEMA, deletion(1, 5), deletion(2, 5))
    warehouse.load(SCHEMA, row(1, 4, a="old", b=None), row(2, 6, a="back", b=None))
    assert held(warehouse) == [(1, 5, None, None, True), (2, 6, "back", None, False)]


def test_a_delete_and_a_return_in_one_batch_end_alive(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, row(1, 1, a="a", b=[1]), deletion(1, 2), row(1, 3, a="again"))
    assert held(warehouse) == [(1, 3, "again", [1], False)]


def test_an_activated_version_deletes_only_what_is_older(warehouse: Warehouse) -> None:
    warehouse.load(
        SCHEMA,
        row(1, 1, a="none", b=None),
        row(2, 1, a="older", b=None) | {"version": 1},
        row(3, 1, a="current", b=None) | {"version": 2},
        row(4, 1, a="newer", b=None) | {"version": 3},
        {"type": "ACTIVATE_VERSION", "stream": "t", "version": 2},
        row(2, 2, a="came after", b=None) | {"version": 2},
    )
    assert [(one[0], one[-1]) for one in held(warehouse)] == [
        (1, True),
        (2, False),
        (3, False),
        (4, False),
    ]
    assert warehouse.load_row("t")["rows_deleted"] == 2


def test_versions_can_be_left_unactivated(warehouse: Warehouse) -> None:
    activation = {"type": "ACTIVATE_VERSION", "stream": "t", "version": 2}
    one = row(1, 1, a="a", b=None) | {"version": 1}
    warehouse.load(SCHEMA, one, activation, activate_version=False)
    assert held(warehouse) == [(1, 1, "a", None, False)]


def test_a_stream_without_a_key_is_appended_to(warehouse: Warehouse) -> None:
    plain = schema("t", COLUMNS, keys=())
    warehouse.load(plain, row(1, 1, a="a", b=None), row(1, 1, a="a"))
    warehouse.load(plain, row(1, 1, a="a", b=None))
    assert held(warehouse) == [(1, 1, "a", None, False)] * 3


def test_a_key_of_several_columns_of_any_type(warehouse: Warehouse) -> None:
    names = {"file": {"type": "string"}, "n": {"type": "integer"}, "doc": {"type": "object"}}
    composite = schema("t", {**names, "v": {"type": "string"}}, keys=("n", "doc", "file"))
    one = {"file": "a\tb", "n": 1, "doc": {"x": 1, "y": 2}}
    warehouse.load(composite, record("t", **one, v="1"))
    warehouse.load(composite, record("t", **one | {"doc": {"y": 2, "x": 1}}, v="2"))
    assert warehouse.rows("t") == [{**one, "v": "2"}]


def test_loaders_of_one_table_take_turns(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, row(1, 1, a="a"))
    with psycopg.connect(warehouse.database.uri) as other:
        tables.lock(other, "raw.t")
        waits = warehouse.load(SCHEMA, row(1, 2), lock_timeout_seconds=1)
        goes_on = warehouse.load(schema("u", COLUMNS), lock_timeout_seconds=1)
    assert "lock timeout" in str(waits.error)
    assert goes_on.error is None
    assert warehouse.load(SCHEMA, row(1, 2)).error is None


def test_two_loaders_at_once_end_in_the_newest_rows(warehouse: Warehouse, tmp_path: Path) -> None:
    """Each brings the other's keys in the opposite order, half of them newer."""
    keys = range(3_000)

    def messages(name: str, order: Iterable[int], parity: int) -> Iterator[Json]:
        yield SCHEMA
        for key in order:
            lsn = 2 if key % 2 == parity else 1
            yield row(key, lsn, a=f"{name}@{lsn}", b=[lsn])

    loaders = {
        warehouse.start(tmp_path, run_id=name, batch_size_rows=50): lines(
            messages(name, order, parity)
        )
        for name, order, parity in (("even", keys, 0), ("odd", reversed(keys), 1))
    }
    with ThreadPoolExecutor(len(loaders)) as pool:
        ended = list(pool.map(lambda pair: pair[0].communicate(pair[1])[1], loaders.items()))
    assert [loader.returncode for loader in loaders] == [0, 0], ended
    assert held(warehouse) == [
        (key, 2, f"{'odd' if key % 2 else 'even'}@2", [2], False) for key in keys
    ]
    found = [warehouse.load_row("t", name) for name in ("even", "odd")]
    assert sum(one["rows_inserted"] for one in found) == len(keys)
    assert all(
        one["rows_inserted"] + one["rows_updated"] + one["rows_stale"] == len(keys) for one in found
    )
