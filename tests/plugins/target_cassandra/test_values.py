"""Values as they are stored, without truncation; what cannot be stored is kept apart."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from singer_kit.errors import ExitCode

from .conftest import record, schema, state

if TYPE_CHECKING:
    from .conftest import Json, Serving

TYPES: Json = {
    "id": {"type": "string"},
    "text": {"type": ["string", "null"]},
    "uuid": {"type": ["string", "null"], "format": "uuid"},
    "day": {"type": ["string", "null"], "format": "date"},
    "at": {"type": ["string", "null"], "format": "date-time"},
    "big": {"type": ["integer", "null"]},
    "small": {"type": ["integer", "null"], "minimum": 0, "maximum": 2147483647},
    "huge": {"type": ["integer", "null"], "minimum": 0, "maximum": 10**30},
    "number": {"type": ["number", "null"]},
    "flag": {"type": ["boolean", "null"]},
    "tags": {"type": ["array", "null"], "items": {"type": "string"}},
    "who": {
        "type": ["object", "null"],
        "properties": {"name": {"type": "string"}, "age": {"type": ["integer", "null"]}},
    },
    "any": {},
}
SCHEMA = schema("t", TYPES)
TABLE = {
    "stream": "t",
    "table": "t",
    "partition_key": ["id"],
    "columns": list(TYPES)[1:],
    "types": {"who": "person"},
}


def test_values_come_out_as_they_went_in(serving: Serving) -> None:
    values = {
        "id": "k",
        "text": 'Ünï "quoted" \\ \u2603 \U0001f3a4 \n',
        "uuid": "6f0e4c1e-7d5c-4a54-9d47-0a5b0d9b8c11",
        "day": "0001-01-01",
        "at": "2026-02-28T23:59:59.123Z",
        "big": -(2**63),
        "small": 2147483647,
        "huge": 10**29,
        "number": 0.1,
        "flag": False,
        "tags": ["a", "", "b"],
        "who": {"name": "Ada"},
        "any": {"kept": [1, 2.50, None]},
    }
    assert serving.load(SCHEMA, record("t", **values), tables=[TABLE]).error is None
    [row] = serving.rows("t")
    at, any_ = row.pop("at"), row.pop("any")
    assert at == "2026-02-28T23:59:59.123000Z"
    assert any_ == '{"kept": [1, 2.5, null]}'
    assert row == {
        **{name: value for name, value in values.items() if name not in ("at", "any")},
        "who": {"name": "Ada", "age": None},
    }


def test_times_of_other_zones_and_before_the_epoch(serving: Serving) -> None:
    times = ["1969-12-31T23:59:59.999Z", "2026-03-01T01:00:00+02:00", "2026-03-01T01:00:00"]
    messages = [record("t", id=str(n), at=at) for n, at in enumerate(times)]
    assert serving.load(SCHEMA, *messages, tables=[TABLE]).error is None
    assert {row["id"]: row["at"] for row in serving.rows("t", "id, at")} == {
        "0": "1969-12-31T23:59:59.999000Z",
        "1": "2026-02-28T23:00:00Z",
        "2": "2026-03-01T01:00:00Z",
    }


BAD: list[tuple[Json, str, str]] = [
    ({"id": ""}, "$.id", "empty"),
    ({"id": None}, "$.id", "required"),
    ({"text": "no key"}, "$.id", "required"),
    ({"id": "k" * 65_536}, "$.id", "size"),
    ({"id": "k", "text": "x" * (8 * 1024 * 1024 + 1)}, "$.text", "size"),
    ({"id": "k", "big": 2**63}, "$.big", "range"),
    ({"id": "k", "small": 2**31}, "$.small", "range"),
    ({"id": "k", "uuid": "6f0e"}, "$.uuid", "format"),
    ({"id": "k", "day": "2026-02-30"}, "$.day", "format"),
    ({"id": "k", "flag": "yes"}, "$.flag", "type"),
    ({"id": "k", "tags": ["a", None]}, "$.tags", "type"),
    ({"id": "k", "who": {"name": 7}}, "$.who.name", "type"),
    ({"id": "k", "number": float("nan")}, "$", "format"),
]


def test_records_that_cannot_be_stored_are_kept_apart_and_the_rest_goes_on(
    serving: Serving,
) -> None:
    result = serving.load(
        SCHEMA,
        record("t", id="before", text="a"),
        *(record("t", **fields) for fields, _, _ in BAD),
        record("t", id="after", text="b"),
        state(t=1),
        tables=[TABLE],
        on_invalid_record="quarantine",
    )
    assert result.error is None
    assert result.states == [{"bookmarks": {"t": 1}}]
    assert sorted(row["id"] for row in serving.rows("t", "id")) == ["after", "before"]
    faults = {row["source_key"]: row for row in serving.rows("t__rejected")}
    assert {key: (row["error_path"], row["error_code"]) for key, row in faults.items()} == {
        f"run-1#{line}": (path, code) for line, (_, path, code) in enumerate(BAD, 3)
    }
    assert json.loads(faults["run-1#9"]["payload"]) == {"id": "k", "small": 2**31}
    assert faults["run-1#7"]["payload"] is None
    assert faults["run-1#7"]["error_message"].endswith("bytes is not kept")


def test_under_fail_the_first_bad_record_ends_the_load_and_is_named(serving: Serving) -> None:
    result = serving.load(SCHEMA, record("t", id="k", flag="secret"), tables=[TABLE])
    assert result.exit_code == ExitCode.CONTRACT_EXCEEDED
    assert str(result.error).startswith("stream t, line 2 of the messages, $.flag: ")
    assert "secret" not in str(result.error)


def test_too_many_rejects_end_the_load_behind_what_is_good(serving: Serving) -> None:
    messages: list[Json] = [
        record("t", id=str(n), flag="no" if n % 4 == 0 else True) for n in range(1_200)
    ]
    result = serving.load(
        SCHEMA, *messages, tables=[TABLE], on_invalid_record="skip", max_rejected_ratio=0.2
    )
    assert result.exit_code == ExitCode.CONTRACT_EXCEEDED
    assert "300 of 1200 documents broke the contract" in str(result.error)
    assert len(serving.rows("t", "id")) == 900


def test_wider_and_narrower_columns_take_what_fits_them(serving: Serving) -> None:
    serving.keyspace.execute(
        "CREATE TABLE {}.t (id text PRIMARY KEY, big smallint, number decimal, day text)"
    )
    table = {**TABLE, "columns": ["big", "number", "day"]}
    exact = '{"type": "RECORD", "stream": "t", "record": {"id": "k", "big": 7, "number": %s}}'
    messages: list[Any] = [exact % "0.1234567890123456789", record("t", id="wide", big=40_000)]
    result = serving.load(
        SCHEMA, *messages, tables=[table], create_tables=True, on_invalid_record="quarantine"
    )
    assert result.error is None
    [row] = serving.rows("t")
    assert (row["big"], Decimal(row["number"])) == (7, Decimal("0.1234567890123456789"))
    [fault] = serving.rows("t__rejected")
    assert (fault["error_path"], fault["error_code"]) == ("$.big", "range")


def test_absent_properties_leave_columns_and_nulls_do_as_they_are_told(serving: Serving) -> None:
    full = record("t", id="k", text="a", big=1)
    serving.load(SCHEMA, full, record("t", id="k", big=2), tables=[TABLE])
    assert serving.rows("t", "text, big") == [{"text": "a", "big": 2}]
    serving.load(SCHEMA, record("t", id="k", text=None), tables=[TABLE])
    assert serving.rows("t", "text") == [{"text": "a"}]
    serving.load(SCHEMA, record("t", id="k", text=None), tables=[TABLE], null_handling="null")
    assert serving.rows("t", "text") == [{"text": None}]


def test_records_of_one_version_are_one_and_the_last_that_says_something_wins(
    serving: Serving,
) -> None:
    versioned = schema("t", {**TYPES, "_sdc_lsn": {"type": "integer"}})
    serving.load(versioned, record("t", id="k", day="2020-01-01", _sdc_lsn=4), tables=[TABLE])
    # Of two cells with one timestamp Cassandra itself keeps the larger one.
    same = [
        record("t", id="k", text="z", big=9, flag=True, tags=["x"], _sdc_lsn=5),
        record("t", id="k", text=None, big=1, small=7, _sdc_lsn=5),
        record("t", id="k", small=6, huge=10**20, _sdc_lsn=5),
    ]
    nulls: Json = {"tables": [TABLE], "null_handling": "null"}
    serving.load(versioned, *same, **nulls)
    assert serving.rows("t", "text, big, small, huge, flag, tags, day") == [
        {
            "text": None,
            "big": 1,
            "small": 6,
            "huge": 10**20,
            "flag": True,
            "tags": ["x"],
            "day": "2020-01-01",
        }
    ]


def test_absent_and_null_fields_leave_no_tombstone(serving: Serving) -> None:
    nothing = {"text": None, "tags": None, "any": None}
    serving.load(SCHEMA, record("t", id="k", **nothing), tables=[TABLE])
    [row] = serving.rows("t", 'text, big, tags, "any"')
    assert row == {**nothing, "big": None}
    future = serving.keyspace.session.execute_async(
        f"SELECT * FROM {serving.keyspace.name}.t", trace=True
    )
    future.result()
    said = [event.description for event in future.get_query_trace(max_wait=30).events]
    # Now and then the server looks the role up first, which is in the trace too.
    *_, read = [line for line in said if line.startswith("Read ")]
    assert read == "Read 1 live rows and 0 tombstone cells"
