"""What becomes of a record that does not fit its schema."""

from __future__ import annotations

from typing import Any

import pytest

from singer_kit.errors import ExitCode

from .conftest import Json, Warehouse, record, schema, state

COLUMNS = {
    "id": {"type": "integer"},
    "name": {"type": "string"},
    "day": {"type": ["string", "null"], "format": "date"},
    "at": {"type": ["string", "null"], "format": "date-time"},
    "uid": {"type": ["string", "null"], "format": "uuid"},
    "n": {"type": ["integer", "null"]},
    "x": {"type": ["number", "null"]},
    "ok": {"type": ["boolean", "null"]},
    "credits": {
        "type": ["array", "null"],
        "items": {
            "type": "object",
            "properties": {"role": {"type": "string"}, "position": {"type": ["integer", "null"]}},
        },
    },
}
SCHEMA = schema("t", COLUMNS)
LINEAGE = {
    "_sdc_source_bucket": {"type": "string"},
    "_sdc_source_file": {"type": "string"},
    "_sdc_source_lineno": {"type": "integer"},
    "_sdc_source_etag": {"type": "string"},
}


def quarantine(warehouse: Warehouse, *messages: Json | str | bytes, **config: Any) -> Any:
    return warehouse.load(*messages, on_invalid_record="quarantine", **config)


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"name": 1}, "$.name", "type"),
        ({"name": None}, "$.name", "type"),
        ({"name": {"a": "b"}}, "$.name", "type"),
        ({"day": "today"}, "$.day", "format"),
        ({"day": "infinity"}, "$.day", "format"),
        ({"day": "2024-02-30"}, "$.day", "format"),
        ({"at": "now"}, "$.at", "format"),
        ({"at": 1700000000}, "$.at", "type"),
        ({"uid": "not-a-uuid"}, "$.uid", "format"),
        ({"n": 2**63}, "$.n", "range"),
        ({"n": 1.5}, "$.n", "type"),
        ({"n": "1"}, "$.n", "type"),
        ({"n": True}, "$.n", "type"),
        ({"x": "1.5"}, "$.x", "type"),
        ({"ok": 1}, "$.ok", "type"),
        ({"ok": "true"}, "$.ok", "type"),
        ({"credits": {}}, "$.credits", "type"),
        ({"credits": [{"role": 7}]}, "$.credits[0].role", "type"),
        ({"credits": [{}, {"position": "first"}]}, "$.credits[1].position", "type"),
    ],
)
def test_a_fault_is_named_with_its_path_and_the_rest_goes_on(
    warehouse: Warehouse, fields: Json, path: str, code: str
) -> None:
    result = quarantine(
        warehouse,
        SCHEMA,
        record("t", id=1, name="before"),
        record("t", **({"id": 2, "name": "bad"} | fields)),
        record("t", id=3, name="after"),
        state(t=3),
    )
    assert result.error is None
    assert result.states == [{"bookmarks": {"t": 3}}]
    assert [row["id"] for row in warehouse.rows("t")] == [1, 3]
    (found,) = warehouse.rows("t__rejected")
    assert (found["error_path"], found["error_code"]) == (path, code)
    assert found["source_key"] == "run-1#3"
    assert found["payload"] == {"id": 2, "name": "bad"} | fields
    load = warehouse.load_row("t")
    assert (load["rows_in"], load["rows_inserted"], load["rows_rejected"]) == (3, 2, 1)


def test_nested_integers_may_be_written_as_floats(warehouse: Warehouse) -> None:
    one = {"role": "singer", "position": 1.0}
    assert warehouse.load(SCHEMA, record("t", id=1, name="a", credits=[one])).error is None
    assert warehouse.value("select credits #>> '{0,position}' from raw.t") == "1.0"


def test_every_fault_of_a_record_has_its_row(warehouse: Warehouse) -> None:
    quarantine(warehouse, SCHEMA, record("t", name=1, n="x", ok=[]))
    found = {row["error_path"]: row["error_code"] for row in warehouse.rows("t__rejected")}
    assert found == {"$.id": "required", "$.name": "type", "$.n": "type", "$.ok": "type"}
    assert warehouse.load_row("t")["rows_rejected"] == 1


def test_a_reason_never_quotes_the_value(warehouse: Warehouse) -> None:
    secret = "the lyrics nobody may read in a log"
    quarantine(
        warehouse,
        SCHEMA,
        record("t", id=1, name="a", n=secret, uid=secret, credits=[{"role": {"v": secret}}]),
        record("t", id=2, name="a", x=secret, at=secret, credits=[secret]),
    )
    reasons = [row["error_message"] for row in warehouse.rows("t__rejected")]
    assert len(reasons) == 6
    assert not [one for one in reasons if "lyrics" in one]


def test_lineage_names_the_source(warehouse: Warehouse) -> None:
    where = {"_sdc_source_bucket": "raps", "_sdc_source_file": "lyrics/a.yaml"}
    lineage = where | {"_sdc_source_lineno": 12, "_sdc_source_etag": "e"}
    shape = schema("t", COLUMNS | LINEAGE)
    quarantine(warehouse, shape, record("t", id="bad", name="a", **lineage))
    (found,) = warehouse.rows("t__rejected")
    assert found["source_key"] == "raps/lyrics/a.yaml#12"
    assert {name: found[name] for name in lineage} == lineage


def test_a_fault_in_the_lineage_itself_is_kept_too(warehouse: Warehouse) -> None:
    lineage = {"_sdc_source_bucket": "raps", "_sdc_source_file": "f", "_sdc_source_lineno": 1}
    shape = schema("t", COLUMNS | LINEAGE)
    quarantine(warehouse, shape, record("t", id=1, name="a", **lineage, _sdc_source_etag=5))
    (found,) = warehouse.rows("t__rejected")
    assert (found["error_path"], found["_sdc_source_etag"]) == ("$._sdc_source_etag", None)


def test_the_tap_and_the_target_share_one_quarantine(warehouse: Warehouse) -> None:
    names = ("source_key", "error_path", "error_code", "error_message")
    shape: Json = {name: {"type": "string"} for name in names}
    shape |= {
        "_sdc_rejected_at": {"type": "string", "format": "date-time"},
        "payload": {"type": ["object", "null"]},
        "_sdc_lsn": {"type": "integer"},
    }
    fields = dict.fromkeys(names, "x") | {"_sdc_rejected_at": "2024-05-01T00:00:00Z"}
    result = quarantine(
        warehouse,
        SCHEMA,
        schema("t__rejected", shape, keys=names[:3]),
        record("t__rejected", **fields, payload=None, _sdc_lsn=1),
        record("t", id="bad", name="a"),
    )
    assert result.error is None
    assert [row["source_key"] for row in warehouse.rows("t__rejected", order="source_key")] == [
        "run-1#4",
        "x",
    ]


def test_a_line_that_is_not_utf_8_is_rejected_whole(warehouse: Warehouse) -> None:
    bad = b'{"type": "RECORD", "stream": "t", "record": {"id": 2, "name": "caf\xe9"}}'
    result = quarantine(warehouse, SCHEMA, record("t", id=1, name="a"), bad)
    assert result.error is None
    assert [row["id"] for row in warehouse.rows("t")] == [1]
    (found,) = warehouse.rows("t__rejected")
    assert (found["error_path"], found["error_code"]) == ("$", "encoding")
    assert "caf\ufffd" in found["payload"]["raw"]


def test_bytes_that_only_postgresql_looks_at_are_rejected_too(warehouse: Warehouse) -> None:
    shape = schema("t", {"id": {"type": "integer"}, "any": {}})
    bad = b'{"type": "RECORD", "stream": "t", "record": {"id": 2, "any": "caf\xe9"}}'
    result = quarantine(warehouse, shape, record("t", id=1, any=1), bad, record("t", id=3, any=3))
    assert result.error is None
    assert [row["id"] for row in warehouse.rows("t")] == [1, 3]
    assert len(warehouse.rows("t__rejected")) == 1


@pytest.mark.parametrize("present", [{}, {"name": "also partial"}])
def test_rows_that_postgresql_refuses_are_found_among_the_others(
    warehouse: Warehouse, present: Json
) -> None:
    warehouse.load(schema("t", COLUMNS))
    warehouse.execute("alter table raw.t add check (n is distinct from -1)")
    rows = [record("t", id=n, n=-1 if n in (3, 4, 40) else n, **present) for n in range(50)]
    result = quarantine(warehouse, SCHEMA, *rows, record("t", id=50, name="full", n=-1))
    assert result.error is None
    assert [row["id"] for row in warehouse.rows("t")] == [
        n for n in range(50) if n not in (3, 4, 40)
    ]
    found = warehouse.rows("t__rejected", "source_key, error_code, payload", "source_key")
    assert {one["payload"]["id"] for one in found} == {3, 4, 40, 50}
    assert {one["error_code"] for one in found} == {"23514"}
    assert {one["source_key"] for one in found} == {"run-1#5", "run-1#6", "run-1#42", "run-1#52"}
    assert warehouse.load_row("t")["rows_rejected"] == 4


def test_a_key_too_long_for_its_index_is_rejected(warehouse: Warehouse) -> None:
    shape = schema("t", {"id": {"type": "string"}})
    noise = "".join(chr(0x4E00 + n * 7 % 20000) for n in range(5000))
    quarantine(warehouse, shape, record("t", id="a"), record("t", id=noise), record("t", id="b"))
    assert warehouse.rows("t") == [{"id": "a"}, {"id": "b"}]
    (found,) = warehouse.rows("t__rejected")
    assert (found["error_code"], found["payload"]["id"]) == ("54000", noise)


def test_fail_ends_the_load_and_keeps_what_came_before(warehouse: Warehouse) -> None:
    result = warehouse.load(
        SCHEMA,
        record("t", id=1, name="a"),
        state(t=1),
        record("t", id=2, name=2),
        record("t", id=3, name="c"),
        state(t=3),
    )
    assert result.exit_code == ExitCode.CONTRACT_EXCEEDED
    assert str(result.error).startswith("stream t, line 4 of the messages, $.name: ")
    assert result.states == [{"bookmarks": {"t": 1}}]
    assert [row["id"] for row in warehouse.rows("t")] == [1]
    assert warehouse.load_row("t")["finished_at"] is None


def test_fail_ends_the_load_at_what_postgresql_refuses(warehouse: Warehouse) -> None:
    warehouse.load(SCHEMA)
    warehouse.execute("alter table raw.t add check (n is distinct from -1)")
    result = warehouse.load(SCHEMA, record("t", id=1, name="a", n=-1), state(t=1))
    assert result.exit_code == ExitCode.CONTRACT_EXCEEDED
    assert "line 2 of the messages" in str(result.error)
    assert result.states == []


def test_skip_counts_and_goes_on(warehouse: Warehouse) -> None:
    bad, good = record("t", id=1, name=None), record("t", id=2, name="a")
    assert warehouse.load(SCHEMA, bad, good, on_invalid_record="skip").error is None
    assert [row["id"] for row in warehouse.rows("t")] == [2]
    assert warehouse.load_row("t")["rows_rejected"] == 1
    assert warehouse.value("select to_regclass('raw.t__rejected')") is None


@pytest.mark.parametrize(
    ("records", "bad", "ends"), [(999, 999, False), (1000, 101, True), (1000, 100, False)]
)
def test_too_great_a_part_of_rejected_records_ends_the_load(
    warehouse: Warehouse, records: int, bad: int, *, ends: bool
) -> None:
    rows = [record("t", id=n, name=None if n < bad else "a") for n in range(records)]
    result = quarantine(warehouse, SCHEMA, *rows)
    assert result.exit_code == (ExitCode.CONTRACT_EXCEEDED if ends else ExitCode.OK)
    assert ("101 of 1000" in str(result.error)) == ends
    assert warehouse.value("select count(*) from raw.t__rejected") == bad


def test_a_rejected_record_loaded_again_after_a_repair_goes_in(warehouse: Warehouse) -> None:
    quarantine(warehouse, SCHEMA, record("t", id=1, name=1))
    quarantine(warehouse, SCHEMA, record("t", id=1, name="one"), run_id="run-2")
    assert [row["name"] for row in warehouse.rows("t")] == ["one"]


def test_until_a_newer_record_comes_the_older_row_stays_and_is_marked(warehouse: Warehouse) -> None:
    """The mark is in the quarantine: the row's key, and a version that the row does not have."""
    marked = (
        "select array_agg(id order by id) from raw.t where exists (select from raw.t__rejected as r"
        " where r.record_key = jsonb_build_array(t.id) and r._sdc_lsn > t._sdc_lsn)"
    )
    shape = schema("t", {**COLUMNS, "_sdc_lsn": {"type": "integer"}})
    warehouse.load(shape, *(record("t", id=n, name="old", _sdc_lsn=1) for n in (1, 2, 3)))
    bad = [record("t", id=n, name=5, _sdc_lsn=2) for n in (1, 2)]
    quarantine(warehouse, shape, *bad, record("t", name=5, _sdc_lsn="2"), run_id="run-2")
    assert [row["name"] for row in warehouse.rows("t")] == ["old"] * 3
    assert warehouse.value(marked) == [1, 2]
    quarantine(warehouse, shape, record("t", id=1, name="newer", _sdc_lsn=3), run_id="run-3")
    assert warehouse.value(marked) == [2]
    found = warehouse.rows("t__rejected", "record_key, _sdc_lsn", "source_key, error_path")
    assert [tuple(one.values()) for one in found] == [([1], 2), ([2], 2), (None, None)] + [
        (None, None)
    ] * 2
