"""How streams and properties are named in PostgreSQL, and when two of them clash."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from singer_kit.errors import ExitCode
from target_postgres.identifiers import LONGEST, IdentifierCase, column_identifier, identifier

from .conftest import Warehouse, record, schema, state

ID = {"type": "integer"}
TEXT = {"type": ["string", "null"]}
E_NFC, E_NFD = "caf\u00e9", "cafe\u0301"
LONG = "a_property_whose_name_is_longer_than_postgresql_keeps_" * 2

names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1)


@given(name=names, case=st.sampled_from(IdentifierCase))
def test_an_identifier_fits_and_is_named_like_itself(name: str, case: IdentifierCase) -> None:
    found = identifier(name, case)
    assert 0 < len(found.encode()) <= LONGEST
    assert identifier(found, case) == found
    short = len(unicodedata.normalize("NFC", name).encode()) <= LONGEST
    assert not (short and case is IdentifierCase.PRESERVE) or found == unicodedata.normalize(
        "NFC", name
    )


@given(one=names, other=names)
def test_long_names_that_begin_alike_stay_apart(one: str, other: str) -> None:
    alike = unicodedata.normalize("NFC", LONG + one) == unicodedata.normalize("NFC", LONG + other)
    assert (identifier(LONG + one) == identifier(LONG + other)) == alike


def test_a_cut_falls_between_characters() -> None:
    assert identifier("é" * 32) == "é" * 27 + "_" + identifier("é" * 32)[-8:]
    found = identifier("雲" * 30, suffix="__rejected")
    assert found.startswith("雲" * 14 + "_")
    assert found.endswith("__rejected")


def test_lower_folds_as_postgresql_folds_what_stands_without_quotes(warehouse: Warehouse) -> None:
    name = "ÄpfelStraßeİI"
    folded = identifier(name, IdentifierCase.LOWER)
    shown = warehouse.value(
        f"select string_agg(c, '') from (select 1 as {name}) t, json_object_keys(row_to_json(t)) c"
    )
    assert folded == shown == "ÄpfelstraßeİI".replace("I", "i").replace("İ", "İ")


def test_long_names_load_and_load_again(warehouse: Warehouse) -> None:
    properties: dict[str, Any] = {LONG: ID, LONG + "1": TEXT, LONG + "2": {}, "_sdc_lsn": ID}
    shape = schema(LONG, properties, keys=[LONG])
    first = record(LONG, **{LONG: 1, LONG + "1": "a", LONG + "2": [1], "_sdc_lsn": 1})
    warehouse.load(shape, first, state(**{LONG: 1}))
    result = warehouse.load(
        shape, record(LONG, **{LONG: 1, LONG + "1": None, "_sdc_lsn": 2}), state(**{LONG: 2})
    )
    assert result.states == [{"bookmarks": {LONG: 2}}]
    (row,) = warehouse.rows(f'"{identifier(LONG)}"')
    assert row == {
        identifier(LONG): 1,
        identifier(LONG + "1"): None,
        identifier(LONG + "2"): [1],
        "_sdc_lsn": 2,
    }


def test_a_fault_names_the_property_not_its_column(warehouse: Warehouse) -> None:
    properties = {"id": ID, LONG: ID, "Mixed": {"type": "object", "properties": {"a": ID}}}
    warehouse.load(
        schema("t", properties),
        record("t", **{"id": 1, LONG: "many"}),
        record("t", id=2, Mixed={"a": "b"}),
        on_invalid_record="quarantine",
        identifier_case="lower",
    )
    rows = warehouse.rows("t__rejected", "error_path, payload", "source_key")
    assert [one["error_path"] for one in rows] == [f"$.{LONG}", "$.Mixed.a"]
    assert rows[0]["payload"] == {"id": 1, LONG: "many"}


def test_what_postgresql_refuses_is_named_by_its_property(warehouse: Warehouse) -> None:
    warehouse.load(schema("t", {"id": ID, "Kind": TEXT}), identifier_case="lower")
    warehouse.execute("alter table raw.t alter column kind set not null")
    warehouse.load(
        schema("t", {"id": ID, "Kind": TEXT}),
        record("t", id=1, Kind=None),
        on_invalid_record="quarantine",
        identifier_case="lower",
    )
    (row,) = warehouse.rows("t__rejected", "error_path, error_code, payload")
    assert row == {
        "error_path": "$.Kind",
        "error_code": "23502",
        "payload": {"id": 1, "Kind": None, "_sdc_deleted_at": None},
    }


def test_the_quarantine_of_a_long_stream_is_the_one_its_tap_writes_to(
    warehouse: Warehouse,
) -> None:
    rejected = {"source_key": TEXT, "error_path": TEXT, "error_code": TEXT}
    warehouse.load(
        schema(LONG, {"id": ID}),
        record(LONG, id="x"),
        schema(f"{LONG}__rejected", rejected, keys=list(rejected)),
        record(f"{LONG}__rejected", source_key="k", error_path="$", error_code="c"),
        on_invalid_record="quarantine",
    )
    table = identifier(LONG, suffix="__rejected")
    assert table.endswith("__rejected")
    assert len(warehouse.rows(f'"{table}"')) == 2


def test_upper_case_is_kept_or_folded_as_the_settings_say(warehouse: Warehouse) -> None:
    shape = schema("Users", {"Id": ID, "firstName": TEXT}, keys=["Id"])
    row = record("Users", Id=1, firstName="a")
    warehouse.load(shape, row)
    assert warehouse.rows('"Users"') == [{"Id": 1, "firstName": "a"}]
    warehouse.load(shape, row, row, identifier_case="lower")
    assert warehouse.rows("Users", "Id, FirstName") == [{"id": 1, "firstname": "a"}]


@pytest.mark.parametrize("name", ["xmin", "ctid", "tableoid", "arrival", "staged", "stored"])
def test_names_that_mean_something_to_postgresql_or_to_us_are_columns(
    warehouse: Warehouse, name: str
) -> None:
    shape = schema("t", {"id": ID, name: ID, "v": TEXT, "_sdc_lsn": ID})
    warehouse.load(shape, record("t", **{"id": 1, name: 5, "v": "a", "_sdc_lsn": 1}))
    result = warehouse.load(
        shape,
        record("t", id=1, v="b", _sdc_lsn=3),
        record("t", **{"id": 1, name: 7, "_sdc_lsn": 2}),
        record("t", **{"id": 2, name: 1}),
    )
    assert result.error is None
    first = warehouse.rows("t")[0]
    assert first == {"id": 1, column_identifier(name): 7, "v": "b", "_sdc_lsn": 3}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("one", "other", "config", "said"),
    [
        ("Name", "name", {"identifier_case": "lower"}, "'Name' and 'name'"),
        (E_NFC, E_NFD, {}, r"'cafe\u0301' and 'caf\xe9'"),
        (LONG, identifier(LONG), {}, f"{identifier(LONG)!r} and {LONG!r}"),
        ("xmin", "xmin_", {}, "'xmin' and 'xmin_'"),
    ],
)
def test_two_properties_that_would_be_one_column_are_refused_with_both_names(  # noqa: PLR0917 - one column for each
    warehouse: Warehouse,
    turned: bool,
    one: str,
    other: str,
    config: dict[str, Any],
    said: str,
) -> None:
    pair = [other, one] if turned else [one, other]
    clash = schema("t", {"id": ID, **dict.fromkeys(pair, TEXT)})
    result = warehouse.load(
        clash, record("t", id=1), schema("good", {"id": ID}), record("good", id=1), **config
    )
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert f"properties {said} would both be column" in str(result.error)
    assert ("identifier_case" in str(result.error)) == bool(config)
    assert warehouse.rows("good") == [{"id": 1}]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("one", "other", "config"),
    [
        ("Users", "users", {"identifier_case": "lower"}),
        (LONG, identifier(LONG), {}),
        ("people", "users", {"table_overrides": {"people": {"table": "users"}}}),
        ("crm-users", "users", {"schema_mapping": {"crm": {"target_schema": "raw"}}}),
    ],
)
def test_two_streams_that_would_be_one_table_are_refused_with_both_names(
    warehouse: Warehouse,
    turned: bool,
    one: str,
    other: str,
    config: dict[str, Any],
) -> None:
    pair = [other, one] if turned else [one, other]
    messages = [schema(name, {"id": ID}) for name in (*pair, "good")]
    rows = [record(name, id=1) for name in (*pair, "good")]
    marks = state(**dict.fromkeys([*pair, "good"], 1))
    result = warehouse.load(*messages, *rows, marks, **config)
    assert result.exit_code == ExitCode.TARGET_WRITE
    first, second = sorted(pair)
    assert f"streams {first!r} and {second!r} would both be table raw." in str(result.error)
    assert "table_overrides" in str(result.error)
    table = identifier(one, IdentifierCase.LOWER) if one != "crm-users" else "users"
    table = "users" if one == "people" else table
    assert warehouse.rows(f'"{table}"') == []
    assert warehouse.rows("good") == [{"id": 1}]
    assert result.states == [{"bookmarks": {"good": 1}}]


def test_a_stream_that_clashes_late_keeps_what_waits_of_the_other_from_being_written(
    warehouse: Warehouse,
) -> None:
    result = warehouse.load(
        schema("Users", {"id": ID}),
        record("Users", id=1),
        schema("users", {"id": ID}),
        state(Users=1),
        identifier_case="lower",
    )
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert warehouse.rows("users") == []
    assert result.states == []


@pytest.mark.parametrize("name", ["", "nul\x00"])
def test_a_name_that_postgresql_cannot_have_is_refused(warehouse: Warehouse, name: str) -> None:
    result = warehouse.load(schema("t", {"id": ID, name: TEXT}))
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert f"{name!r} cannot be a name in PostgreSQL" in str(result.error)


def test_the_targets_own_tables_are_not_a_streams(warehouse: Warehouse) -> None:
    result = warehouse.load(
        schema("_sdc_loads", {"id": ID}),
        record("_sdc_loads", id=1),
        schema("t", {"id": ID}),
        record("t", id=1),
    )
    assert "keeps for itself" in str(result.error)
    assert warehouse.rows("t") == [{"id": 1}]


def test_streams_go_into_the_schemas_of_their_sources(warehouse: Warehouse) -> None:
    config = {
        "schema_mapping": {"crm": {"target_schema": "raw_crm"}, "web": {"target_schema": "web"}},
        "table_overrides": {
            "web-hits": {"schema": "raw"},
            "Odd one": {"schema": "raw_crm", "table": "Odd-1"},
        },
        "delete_mode": "hard",
        "on_invalid_record": "quarantine",
    }
    deleted = {"_sdc_deleted_at": "2024-05-01T00:00:00Z", "_sdc_lsn": 2}
    messages = []
    for name in ("crm-users", "web-hits", "web-a-b", "shop-carts", "Odd one"):
        messages += [
            schema(name, {"id": ID, "_sdc_lsn": ID}),
            record(name, id=1, _sdc_lsn=1),
            record(name, id=2, _sdc_lsn=1),
            record(name, id="x"),
            record(name, id=2, **deleted),
        ]
    result = warehouse.load(*messages, **config)
    assert result.error is None
    tables = ("raw_crm.users", "raw.hits", 'web."a-b"', 'raw."shop-carts"', 'raw_crm."Odd-1"')
    for table in tables:
        assert warehouse.value(f"select array_agg(id) from {table}") == [1]
        beside, _, name = table.partition(".")
        rejected = '"' + name.strip('"') + '__rejected"'
        assert warehouse.value(f"select count(*) from {beside}.{rejected}") == 1
    for beside, buried in (("raw_crm", 2), ("raw", 2), ("web", 1)):
        assert warehouse.value(f"select count(*) from {beside}._sdc_tombstones") == buried
    assert warehouse.value("select count(*) from raw._sdc_loads") == 5


def test_a_name_in_the_settings_that_postgresql_would_cut_off_is_refused(
    warehouse: Warehouse,
) -> None:
    result = warehouse.load(schema("t", {"id": ID}), table_overrides={"t": {"table": "x" * 64}})
    assert result.exit_code == ExitCode.TARGET_WRITE
    assert "1 to 63 bytes" in str(result.error)


def test_an_unknown_part_of_an_override_is_refused(warehouse: Warehouse, tmp_path: Any) -> None:
    result = warehouse.run(tmp_path, b"", table_overrides={"t": {"tabel": "x"}})
    assert result.exit_code == ExitCode.CONFIG
    assert "tabel" in result.last_line["message"]
