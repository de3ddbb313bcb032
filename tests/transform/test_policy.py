"""House rules over dbt's manifest, beyond those of dbt-project-evaluator (`test_evaluator.py`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from pathlib import Path

    from transform.warehouse import Warehouse

Node = dict[str, Any]

PREFIXES = {
    "staging": r"stg_(files|mongo)__[a-z_]+",
    "intermediate": r"int_[a-z]+__[a-z_]+_[a-z]+(ed|en)",
    "marts": r"(dim|fct)_[a-z_]+",
    "restricted": r"(dim|fct)_[a-z_]+",
    "metrics": r"metric_[a-z0-9_]+",
}
# Which rooms a model of a room may read.
READS = {
    "staging": {"source"},
    "intermediate": {"staging", "intermediate"},
    "marts": {"intermediate", "snapshots"},
    "restricted": {"intermediate"},
    # A metric is defined over what readers see, and nothing is over a metric.
    "metrics": {"marts"},
}
# What is current is decided once, in a view that the other views of its source read.
CURRENT_FILES = "model.mixtape.stg_files__files"
ACCESS = {
    "staging": "private",
    "intermediate": "private",
    "marts": "public",
    "restricted": "protected",
}
# Protected instead of private: other groups than its own ask it.
SHARED = {"int_loads__loads_changed"}

# What decides or calculates something, beyond putting columns of models side by side.
LOGIC = re.compile(
    r"\b(group by|over \(|case|extract|date_trunc|filter|distinct|merging\(\)|round|nullif)",
)
TESTED_ELSEWHERE = {
    "dim_dates": "it has no input: test_calculated.py compares every day",
    "int_loads__loads_changed": "what is published is no input: test_incremental.py",
    "int_plays__lyric_days_changed": "what is published is no input: test_incremental.py",
    "int_plays__lyric_days_united": "what is published is no input: test_incremental.py",
}
LINES = 90


@pytest.fixture(scope="module")
def manifest(warehouse: Warehouse) -> Node:
    """The manifest of the whole project."""
    return warehouse.manifest()


@pytest.fixture(scope="module")
def models(manifest: Node) -> list[Node]:
    """The project's models."""
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def room(unique_id: str, manifest: Node) -> str:
    """Return the schema a node lives in, or ``source``."""
    if unique_id.startswith("source."):
        return "source"
    return str(manifest["nodes"][unique_id]["schema"])


def kind(model: Node) -> str:
    """Return a model's schema, or ``metrics`` for the views among the marts."""
    return "metrics" if "metrics" in model["fqn"] else str(model["schema"])


def data_tests(manifest: Node) -> list[tuple[str, str, str | None]]:
    """Return the generic tests: the test's name, the model it is attached to, the column."""
    return [
        (
            node["test_metadata"]["name"],
            node["attached_node"].rpartition(".")[2],
            node["column_name"],
        )
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node.get("test_metadata")
    ]


def breaches(models: list[Node], rule: Any) -> list[str]:
    """Return the names of the models that do not hold to ``rule``."""
    assert models
    return sorted(model["name"] for model in models if not rule(model))


def test_schemas_are_called_like_their_rooms(models: list[Node]) -> None:
    assert {kind(model) for model in models} == set(PREFIXES)
    assert breaches(models, lambda m: m["fqn"][1] == m["schema"]) == []


def test_names_say_the_layer_and_the_entity(models: list[Node]) -> None:
    assert breaches(models, lambda m: re.fullmatch(PREFIXES[kind(m)], m["name"])) == []


def test_models_read_the_layer_before_theirs(models: list[Node], manifest: Node) -> None:
    def holds(model: Node) -> bool:
        parents = set(model["depends_on"]["nodes"])
        if model["schema"] == "staging":
            parents.discard(CURRENT_FILES)
        return {room(parent, manifest) for parent in parents} <= READS[kind(model)]

    assert breaches(models, holds) == []


def test_access_follows_the_room(models: list[Node]) -> None:
    odd = breaches(models, lambda m: m["access"] == ACCESS[m["schema"]])
    assert odd == sorted(SHARED)
    assert breaches(models, lambda m: m["access"] != "public" or m["schema"] == "marts") == []


def test_descriptions_say_the_grain_first(models: list[Node]) -> None:
    assert breaches(models, lambda m: m["description"].startswith("One row per ")) == []


def test_every_declared_column_is_described(models: list[Node]) -> None:
    def holds(model: Node) -> bool:
        return all(column["description"] for column in model["columns"].values())

    assert breaches([m for m in models if m["schema"] != "intermediate"], holds) == []


def test_models_with_logic_have_unit_tests(models: list[Node], manifest: Node) -> None:
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    thoughtful = [m for m in models if m["schema"] != "staging" and LOGIC.search(m["raw_code"])]
    assert set(breaches(thoughtful, lambda m: m["name"] in tested)) == set(TESTED_ELSEWHERE)


def test_models_are_short(models: list[Node]) -> None:
    assert breaches(models, lambda m: m["raw_code"].count("\n") <= LINES) == []


def test_times_say_their_zone(models: list[Node]) -> None:
    def holds(model: Node) -> bool:
        return all(
            ("(UTC)" in column["description"]) != name.startswith("local_")
            for name, column in model["columns"].items()
            if name.endswith("_at")
        )

    assert breaches(models, holds) == []


def test_marts_have_contracts_with_a_type_for_each_column(models: list[Node]) -> None:
    def holds(model: Node) -> bool:
        typed = all(column["data_type"] for column in model["columns"].values())
        return model["contract"]["enforced"] and typed

    public = [m for m in models if m["schema"] in ("marts", "restricted")]
    assert breaches(public, holds) == []


def test_references_between_marts_are_tested(models: list[Node], manifest: Node) -> None:
    keys = ("artist_id", "lyric_id", "meetup_id", "_on")
    tested = {
        (model, column) for name, model, column in data_tests(manifest) if name == "relationships"
    }
    wanted = {
        (model["name"], column)
        for model in models
        if model["name"].startswith("fct_")
        for column in model["columns"]
        if column.endswith(keys) or column == "month_start"
    }
    assert tested == wanted


@pytest.mark.usefixtures("built")
def test_descriptions_and_keys_are_in_the_database(warehouse: Warehouse) -> None:
    with warehouse.connect("bi_reader") as reader:
        undescribed = reader.execute(
            "select c.relname, a.attname from pg_class as c"
            " join pg_attribute as a on a.attrelid = c.oid and a.attnum >= 0"
            " where c.relnamespace = 'marts'::regnamespace and c.relkind = 'r'"
            " and (col_description(c.oid, a.attnum) is null"
            " or obj_description(c.oid, 'pg_class') is null)"
        ).fetchall()
        keyless = reader.execute(
            "select relname from pg_class as c where relnamespace = 'marts'::regnamespace"
            " and relkind = 'r' and not exists (select from pg_constraint"
            " where conrelid = c.oid and contype = 'p')"
        ).fetchall()
    assert (undescribed, keyless) == ([], [])


def test_each_meltano_environment_has_a_target(project_root: Path) -> None:
    meltano = yaml.safe_load((project_root / "meltano.yml").read_text())
    outputs = profile(project_root)
    assert set(outputs) == {environment["name"] for environment in meltano["environments"]}


def test_production_targets_check_the_servers_certificate(project_root: Path) -> None:
    modes = {name: output["sslmode"] for name, output in profile(project_root).items()}
    production = {name: mode for name, mode in modes.items() if name.endswith("-prod")}
    assert len(production) == 2
    assert set(production.values()) == {"verify-full"}


def profile(project_root: Path) -> dict[str, Any]:
    """Return the profile's targets."""
    found = yaml.safe_load((project_root / "transform" / "profiles.yml").read_text())
    outputs: dict[str, Any] = found["mixtape"]["outputs"]
    return outputs
