"""What the audit of loads says."""

from __future__ import annotations

import datetime as dt
import uuid

from .conftest import Warehouse, record, schema, state

SCHEMA = schema("t", {"id": {"type": "integer"}, "_sdc_lsn": {"type": "integer"}})
DELETED = "2024-05-01T00:00:00Z"


def row(key: int, lsn: int, **more: str) -> dict[str, object]:
    return record("t", id=key, _sdc_lsn=lsn, **more)


def test_a_load_is_counted_by_what_became_of_its_rows(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, row(1, 5), row(2, 5), row(3, 5))
    before = dt.datetime.now(dt.UTC)
    warehouse.load(
        SCHEMA,
        row(1, 6),
        row(2, 4),
        row(3, 7, _sdc_deleted_at=DELETED),
        row(4, 8),
        row(4, 9),
        record("t", id="bad"),
        state(t="here"),
        run_id="run-2",
        on_invalid_record="quarantine",
    )
    found = warehouse.load_row("t", "run-2")
    times = (found.pop("started_at"), found.pop("finished_at"))
    assert before <= times[0] <= times[1] <= dt.datetime.now(dt.UTC)
    assert found == {
        "run_id": "run-2",
        "stream": "t",
        "rows_in": 6,
        "rows_inserted": 1,
        "rows_updated": 1,
        "rows_deleted": 1,
        "rows_rejected": 1,
        "rows_stale": 1,
        "first_lsn": 4,
        "last_lsn": 9,
        "state": {"bookmarks": {"t": "here"}},
    }


def test_batches_of_a_run_add_up(warehouse: Warehouse) -> None:
    rows = [one for n in range(10) for one in (row(n % 4, n), state(t=n))]
    warehouse.load(SCHEMA, *rows, batch_size_rows=3)
    found = warehouse.load_row("t")
    assert (found["rows_in"], found["rows_inserted"]) == (10, 4)
    assert (found["first_lsn"], found["last_lsn"]) == (0, 9)
    assert found["state"] == {"bookmarks": {"t": 9}}


def test_a_stream_that_had_nothing_has_a_row_too(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, state(t=1))
    found = warehouse.load_row("t")
    assert (found["rows_in"], found["rows_inserted"], found["last_lsn"]) == (0, 0, None)
    assert found["finished_at"] is not None
    assert found["state"] == {"bookmarks": {"t": 1}}


def test_each_transaction_holds_the_state_that_it_makes_durable(warehouse: Warehouse) -> None:
    """Read while the next batch is held up: rows, counts and STATE are of one moment."""
    warehouse.load(SCHEMA)
    warehouse.execute(
        "create table raw.seen as select count(*) as n from raw.t;"
        "create function raw.look() returns trigger language plpgsql as $$ begin"
        " insert into raw.seen select rows_in * 1000 + (state #>> '{bookmarks,t}')::int * 100 +"
        " (select count(*) from raw.t) from raw._sdc_loads"
        " where run_id = 'run-2' and stream = 't'; return null; end $$;"
        "create trigger look after insert on raw._sdc_loads"
        " for each statement execute function raw.look()"
    )
    rows = [one for n in range(1, 4) for one in (row(n, n), state(t=n))]
    warehouse.load(SCHEMA, *rows, batch_size_rows=2, run_id="run-2")
    seen = [one["n"] for one in warehouse.rows("seen") if one["n"]]
    # Rows 1 and 2 were a batch; the STATE between them is durable with them, and so on.
    assert seen == [2_102, 3_303, 3_303]


def test_a_run_without_a_name_gets_one(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, run_id="")
    (found,) = warehouse.rows("_sdc_loads")
    assert uuid.UUID(found["run_id"])


def test_two_processes_of_one_run_share_a_row(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA, row(1, 1))
    warehouse.load(SCHEMA, row(2, 2), row(3, 3))
    found = warehouse.load_row("t")
    assert (found["rows_in"], found["rows_inserted"], found["last_lsn"]) == (3, 3, 3)
