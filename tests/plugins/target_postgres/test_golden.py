"""Tables and STATE that each released version wrote: later versions must load them on.

``golden/<version>/`` holds the statements that made the tables, their rows, and the last STATE.
A version that has no folder yet gets one here, which is to be committed with it.
"""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from .conftest import Json, Warehouse, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fixtures.fix_postgres import MakeDatabase

GOLDEN = Path(__file__).with_name("golden")
VERSION = importlib.metadata.version("mixtape-elt")
FILES = ("tables.sql", "rows.json", "state.json")

DELETED = {"_sdc_deleted_at": "2024-05-01T00:00:00Z"}
SCHEMAS = [
    schema(
        name,
        {
            "id": {"type": "string", "format": "uuid"},
            "part": {"type": "integer", "minimum": 0, "maximum": 9},
            "text": {"type": ["string", "null"]},
            "n": {"type": ["number", "null"]},
            "day": {"type": ["string", "null"], "format": "date"},
            "at": {"type": ["string", "null"], "format": "date-time"},
            "ok": {"type": ["boolean", "null"]},
            "doc": {"type": ["object", "null"]},
            "Any Thing": {},
            "_sdc_lsn": {"type": "integer"},
        },
        keys=("id", "part"),
    )
    for name in ("soft", "hard")
]
SETTINGS: dict[str, Json] = {"soft": {}, "hard": {"delete_mode": "hard"}}


def row(name: str, number: int, lsn: int, **fields: Any) -> Json:
    key = {"id": f"00000000-0000-4000-8000-{number:012}", "part": number % 10}
    return record(name, **key, **fields, _sdc_lsn=lsn)


def full(name: str, number: int, lsn: int) -> Json:
    return row(
        name,
        number,
        lsn,
        text=f"line {lsn}\n\t\\ é",
        n=0.1 + lsn,
        day="2024-02-29",
        at="2024-02-29T23:59:59.123456+05:30",
        ok=True,
        doc={"n": [lsn, None, {"é": "\n"}]},
        **{"Any Thing": [lsn]},
    )


def first(name: str) -> list[Json]:
    """Return what the old version loaded."""
    return [
        *(full(name, n, n) for n in range(1, 6)),
        row(name, 2, 12, text="partial"),
        row(name, 3, 13, **DELETED),
        row(name, 4, 14, n="no number"),
        state(**{name: {"next": 15}}),
    ]


def then(name: str) -> list[Json]:
    """Return what the new one loads: what is old again, and what is new."""
    return [
        *(full(name, n, n) for n in range(1, 6)),
        row(name, 1, 21, doc=None),
        row(name, 3, 12, text="before its delete"),
        row(name, 2, 22, **DELETED),
        full(name, 6, 26),
        row(name, 7, 27, n="no number"),
        state(**{name: {"next": 30}}),
    ]


def load(warehouse: Warehouse, name: str, messages: Iterable[Json], run_id: str) -> list[Json]:
    (shape,) = [one for one in SCHEMAS if one["stream"] == name]
    quarantine = {"on_invalid_record": "quarantine", "run_id": run_id}
    result = warehouse.load(shape, *messages, **quarantine, **SETTINGS[name])
    assert result.error is None
    return result.states


def tables(warehouse: Warehouse) -> list[str]:
    listed = "select coalesce(array_agg(relname::text order by relname), '{}') from pg_class"
    found = warehouse.value(f"{listed} where relnamespace = 'raw'::regnamespace and relkind = 'r'")
    return list(found)


def contents(warehouse: Warehouse) -> dict[str, list[Json]]:
    """Return all tables' rows but for times and run ids."""
    times = {"started_at", "finished_at", "deleted_at", "_sdc_rejected_at"}
    return {
        table: sorted(
            (
                {name: value for name, value in one.items() if name not in times}
                for one in warehouse.rows(f'"{table}"')
            ),
            key=str,
        )
        for table in tables(warehouse)
    }


def write(warehouse: Warehouse, folder: Path, ddl: list[str], states: list[Json]) -> None:
    rows = {
        table: warehouse.value(f'select jsonb_agg(to_jsonb(one)) from raw."{table}" as one')
        for table in tables(warehouse)
    }
    folder.mkdir(parents=True)
    (folder / "tables.sql").write_text("".join(f"{one};\n" for one in ddl))
    (folder / "rows.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    (folder / "state.json").write_text(json.dumps(states[-1]) + "\n")


def restore(warehouse: Warehouse, folder: Path) -> None:
    """Make the tables as an old version left them."""
    warehouse.execute((folder / "tables.sql").read_text())
    with warehouse.database.connect() as connection:
        for table, rows in json.loads((folder / "rows.json").read_text()).items():
            connection.execute(
                sql.SQL(
                    "insert into {0} select * from jsonb_populate_recordset(null::{0}, %s)"
                ).format(sql.Identifier("raw", table)),
                (Jsonb(rows),),
            )


def test_this_version_has_left_its_files(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    folder = GOLDEN / VERSION
    if not folder.exists():
        caplog.set_level("INFO", "target-postgres")
        states = [one for name in SETTINGS for one in load(warehouse, name, first(name), "golden")]
        mark = "DDL: "
        ddl = [said.removeprefix(mark) for said in caplog.messages if said.startswith(mark)]
        write(warehouse, folder, ddl, states)
        pytest.fail(f"golden files of version {VERSION} were missing and are written: commit them")
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)


@pytest.mark.parametrize("version", sorted(path.name for path in GOLDEN.glob("*")) or [VERSION])
def test_what_a_version_wrote_is_loaded_on(
    warehouse: Warehouse, make_database: MakeDatabase, version: str
) -> None:
    restore(warehouse, GOLDEN / version)
    fresh = Warehouse(make_database())
    for name in SETTINGS:
        load(fresh, name, first(name), "golden")
    assert contents(warehouse) == contents(fresh)
    for name in SETTINGS:
        # The same run, as one that was killed is taken up again; and the next.
        for run_id in ("golden", "next"):
            states = load(fresh, name, then(name), run_id)
            assert load(warehouse, name, then(name), run_id) == states
    assert contents(warehouse) == contents(fresh)
    versions = [one["_sdc_lsn"] for one in warehouse.rows("soft", "_sdc_lsn")]
    assert versions == [4, 5, 13, 21, 22, 26]


def test_the_state_that_a_version_printed_is_the_one_in_its_audit() -> None:
    for folder in GOLDEN.glob("*"):
        printed = json.loads((folder / "state.json").read_text())
        loads = json.loads((folder / "rows.json").read_text())["_sdc_loads"]
        assert printed in [one["state"] for one in loads]
