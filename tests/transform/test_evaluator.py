"""The project keeps the rules of dbt-project-evaluator, and each rule can be broken."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest

from transform.evaluator import EXCEPTIONS, RULES, Project
from transform.evaluator.project import name

if TYPE_CHECKING:
    from collections.abc import Callable

    from transform.warehouse import Warehouse

Node = dict[str, Any]

RULES_OF_THE_PACKAGE = 29


@pytest.fixture(scope="module")
def written(warehouse: Warehouse) -> str:
    """The manifest of the whole project, as text."""
    return json.dumps(warehouse.manifest())


@pytest.fixture(scope="module")
def project(written: str) -> Project:
    """The project as it is."""
    return Project(json.loads(written))


class Changed:
    """A manifest to be made worse."""

    def __init__(self, written: str) -> None:
        self.manifest: Node = json.loads(written)

    def model(self, called: str) -> Node:
        node: Node = self.manifest["nodes"][f"model.mixtape.{called}"]
        return node

    def source(self, called: str) -> Node:
        node: Node = self.manifest["sources"][f"source.mixtape.{called}"]
        return node

    def copy(self, of: str, called: str, *parents: str) -> Node:
        """Add a model like another, with parents of its own."""
        unique_id = f"model.mixtape.{called}"
        node: Node = json.loads(json.dumps(self.model(of)))
        node |= {"unique_id": unique_id, "name": called}
        node["depends_on"]["nodes"] = list(parents)
        self.manifest["nodes"][unique_id] = node
        return node

    def expose(self, parent: str) -> None:
        self.manifest["exposures"]["exposure.mixtape.board"] = {
            "unique_id": "exposure.mixtape.board",
            "resource_type": "exposure",
            "name": "board",
            "depends_on": {"nodes": [parent]},
        }

    def drop_tests(self, model: str, *names: str) -> None:
        """Remove the tests of a model, or those of some names."""
        self.manifest["nodes"] = {
            key: node
            for key, node in self.manifest["nodes"].items()
            if node.get("attached_node") != f"model.mixtape.{model}"
            or (names and node["test_metadata"]["name"] not in names)
        }


def reads(changed: Changed, model: str, *parents: str) -> None:
    changed.model(model)["depends_on"]["nodes"] += parents


def columnless(changed: Changed, model: str) -> None:
    next(iter(changed.model(model)["columns"].values()))["description"] = ""


def chained(changed: Changed) -> None:
    parent = "model.mixtape.stg_files__artists"
    for number in range(3):
        made = changed.copy("stg_files__artists", f"stg_files__chain_{number}", parent)
        parent = made["unique_id"]
    changed.copy("dim_artists", "dim_chained", parent)


def fanned_out(changed: Changed) -> None:
    middle = changed.copy("stg_files__artists", "stg_files__fan")["unique_id"]
    for number in range(3):
        changed.copy("dim_artists", f"dim_leaf_{number}", middle)


def rejoined(changed: Changed) -> None:
    first = changed.copy("stg_files__artists", "stg_files__first")["unique_id"]
    between = changed.copy("stg_files__artists", "int_a__between", first)["unique_id"]
    changed.copy("dim_artists", "dim_rejoined", first, between)


def fold(changed: Changed, model: str, folder: str) -> None:
    changed.model(model)["original_file_path"] = f"models/{folder}/{model}.sql"


LYRICS = "source.mixtape.files.lyrics"

COUNTER_EXAMPLES: dict[str, tuple[Callable[[Changed], object], str]] = {
    "direct_join_to_source": (
        lambda c: c.copy("dim_artists", "dim_joined", LYRICS, "model.mixtape.dim_artists"),
        "dim_joined <- files.lyrics",
    ),
    "marts_or_intermediate_dependent_on_source": (
        lambda c: reads(c, "dim_artists", LYRICS),
        "dim_artists <- files.lyrics",
    ),
    "duplicate_sources": (
        lambda c: c.source("files.artists").update(identifier="lyrics"),
        "files.artists, files.lyrics",
    ),
    "hard_coded_references": (
        lambda c: c.model("dim_artists").update(raw_code="select * from raw_files.artists"),
        "dim_artists",
    ),
    "model_fanout": (fanned_out, "stg_files__fan"),
    "multiple_sources_joined": (
        lambda c: c.copy("dim_artists", "dim_two", LYRICS, "source.mixtape.files.artists"),
        "dim_two <- files.artists, files.lyrics",
    ),
    "rejoining_of_upstream_concepts": (
        rejoined,
        "dim_rejoined <- int_a__between, stg_files__first",
    ),
    "root_models": (lambda c: c.copy("dim_artists", "dim_rootless"), "dim_rootless"),
    "source_fanout": (lambda c: c.copy("dim_artists", "dim_again", LYRICS), "files.lyrics"),
    "staging_dependent_on_marts_or_intermediate": (
        lambda c: reads(c, "stg_files__lyrics", "model.mixtape.dim_artists"),
        "stg_files__lyrics <- dim_artists",
    ),
    "staging_dependent_on_staging": (
        lambda c: reads(c, "stg_files__lyrics", "model.mixtape.stg_files__artists"),
        "stg_files__lyrics <- stg_files__artists",
    ),
    "too_many_joins": (
        lambda c: c.copy("dim_artists", "dim_wide", *list(c.manifest["sources"])[:7]),
        "dim_wide",
    ),
    "unused_sources": (
        lambda c: c.model("stg_files__lyrics").update(depends_on={"nodes": []}),
        "files.lyrics",
    ),
    "missing_primary_key_tests": (
        lambda c: c.drop_tests("dim_artists", "unique"),
        "dim_artists",
    ),
    "sources_without_freshness": (
        lambda c: c.source("files.lyrics").update(freshness=None),
        "files.lyrics",
    ),
    "test_coverage": (lambda c: c.drop_tests("dim_artists"), "dim_artists"),
    "documentation_coverage": (
        lambda c: c.model("dim_artists").update(description=""),
        "* of * models",
    ),
    "undocumented_models": (
        lambda c: c.model("stg_files__lyrics").update(description=""),
        "stg_files__lyrics",
    ),
    "undocumented_source_tables": (
        lambda c: c.source("files.lyrics").update(description=""),
        "files.lyrics",
    ),
    "undocumented_sources": (
        lambda c: c.source("files.lyrics").update(source_description=""),
        "files",
    ),
    "model_naming_conventions": (
        lambda c: c.model("dim_artists").update(name="artists"),
        "artists",
    ),
    "model_directories": (
        lambda c: fold(c, "stg_files__lyrics", "staging/mongo"),
        "stg_files__lyrics",
    ),
    "source_directories": (
        lambda c: c.source("files.lyrics").update(original_file_path="models/staging/s.yml"),
        "files.lyrics",
    ),
    "test_directories": (
        lambda c: fold(c, "dim_artists", "marts/elsewhere"),
        "* of dim_artists",
    ),
    "chained_views_dependencies": (chained, "dim_chained"),
    "exposure_parents_materializations": (lambda c: c.expose(LYRICS), "board <- files.lyrics"),
    "exposures_dependent_on_private_models": (
        lambda c: c.expose("model.mixtape.stg_files__lyrics"),
        "board <- stg_files__lyrics",
    ),
    "public_models_without_contract": (
        lambda c: c.model("dim_artists").update(contract={"enforced": False}),
        "dim_artists",
    ),
    "undocumented_public_models": (lambda c: columnless(c, "dim_artists"), "dim_artists"),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_project_keeps_the_rule(project: Project, rule: str) -> None:
    excepted = [pattern for excepted, pattern, _ in EXCEPTIONS if excepted == rule]
    broken = [
        each
        for each in RULES[rule](project)
        if not any(fnmatchcase(each, pattern) for pattern in excepted)
    ]
    assert broken == []


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_finds_its_counter_example(written: str, project: Project, rule: str) -> None:
    worsen, wanted = COUNTER_EXAMPLES[rule]
    changed = Changed(written)
    worsen(changed)
    found = set(RULES[rule](Project(changed.manifest))) - set(RULES[rule](project))
    assert any(fnmatchcase(each, wanted) for each in found), found


@pytest.mark.parametrize(("rule", "pattern", "reason"), EXCEPTIONS)
def test_an_exception_is_still_one(project: Project, rule: str, pattern: str, reason: str) -> None:
    assert any(fnmatchcase(each, pattern) for each in RULES[rule](project))
    assert reason


def test_there_are_all_rules_of_the_package_each_with_a_counter_example() -> None:
    assert len(RULES) == RULES_OF_THE_PACKAGE
    assert set(COUNTER_EXAMPLES) == set(RULES)


def test_every_model_belongs_to_a_group_with_an_owner(project: Project) -> None:
    groups = {each["name"]: each for each in project.manifest["groups"].values()}
    assert {name(model) for model in project.models if model["group"] not in groups} == set()
    assert {model["group"] for model in project.models} == set(groups)
    assert all(group["owner"]["name"] and group["description"] for group in groups.values())


def test_every_exposure_has_an_owner_and_reads_something(project: Project) -> None:
    assert {name(each) for each in project.exposures} == {
        "scene_dashboard",
        "pipeline_health_dashboard",
        "rap_serving_application",
    }
    for exposure in project.exposures:
        assert exposure["owner"]["name"] or exposure["owner"]["email"]
        assert project.parents(exposure)
