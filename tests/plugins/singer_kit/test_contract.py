"""Contracts: loading a model, faults as rows, and when there are too many."""

from __future__ import annotations

from typing import Any

import pytest

from singer_kit.contract import Contract, Tally, json_path, kind
from singer_kit.errors import ConfigError, ContractExceededError


def test_a_model_is_loaded_by_its_dotted_path() -> None:
    contract = Contract.load("fixtures.contracts.Song")
    assert contract.schema()["required"] == ["title"]
    assert contract.read({"title": "t", "plays": "3"}) == {"title": "t", "plays": 3, "credits": []}
    assert contract.unknown_fields({"title": "t", "mood": "low"}) == {}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("no.such.Model", "cannot load 'no.such.Model'"),
        ("fixtures.contracts.Nobody", "Nobody"),
        ("Song", "cannot load 'Song'"),
        ("fixtures.contracts.NoContract", "is no contract model"),
        ("json.dumps", "is no contract model"),
    ],
)
def test_what_is_no_contract_is_named(path: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Contract.load(path)


def test_every_fault_has_path_code_and_the_kind_of_value_found() -> None:
    faults = Contract.load("fixtures.contracts.Song").read(
        {"plays": "many", "credits": [{"who": 5, "role": None}, "me"]}
    )
    assert isinstance(faults, list)
    assert [(fault.path, fault.code, fault.message.partition(";")[0]) for fault in faults] == [
        ("$.title", "missing", "found nothing"),
        ("$.plays", "int_parsing", "found text"),
        ("$.credits[0].who", "string_type", "found int"),
        ("$.credits[0].role", "string_type", "found null"),
        ("$.credits[1]", "model_type", "found text"),
    ]
    assert all("many" not in fault.message for fault in faults)


def test_paths_quote_what_is_no_name() -> None:
    assert json_path(()) == "$"
    assert json_path(("a", 0, "b c")) == "$.a[0]['b c']"


def test_kinds_are_those_of_json() -> None:
    values: list[Any] = ["", 1, 1.5, True, None, [], {}]
    assert [kind(value) for value in values] == [
        "text",
        "int",
        "number",
        "boolean",
        "null",
        "list",
        "object",
    ]


@pytest.mark.parametrize(
    ("accepted", "rejected", "too_many"),
    [
        (0, 999, False),
        (900, 100, False),
        (899, 101, True),
        (99_000, 11_000, False),
        (0, 1000, True),
    ],
)
def test_a_ratio_counts_from_1000_records_on(
    accepted: int, rejected: int, *, too_many: bool
) -> None:
    tally = Tally("songs", 0.1, accepted, rejected)
    if too_many:
        with pytest.raises(ContractExceededError, match=f"{rejected} of"):
            tally.check()
    else:
        tally.check()
