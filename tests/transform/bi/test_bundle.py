"""The dashboards as Superset takes them: of the exposures' queries, and nothing of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import yaml

from transform.bi.queries import queries

if TYPE_CHECKING:
    from pathlib import Path


Document = dict[str, Any]


@pytest.fixture(scope="module")
def bundle(
    bi_reader_uri: str, project_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Document]]:
    """The archive's files, by kind and name."""
    path = tmp_path_factory.mktemp("bundle") / "bundle.zip"
    subprocess.run(
        [sys.executable, project_root / "transform/bi/bundle.py", path],
        env={**os.environ, "BI_READER_URI": bi_reader_uri},
        check=True,
    )
    found: dict[str, dict[str, Document]] = {}
    with zipfile.ZipFile(path) as archive:
        for name in map(PurePosixPath, archive.namelist()):
            content = yaml.safe_load(archive.read(str(name)))
            found.setdefault(name.parts[1], {})[name.stem] = content
    return found


def test_each_dashboard_is_an_exposure_and_shows_all_of_its_queries(
    bundle: dict[str, dict[str, Document]], project_root: Path
) -> None:
    exposures = yaml.safe_load(
        (project_root / "transform/models/marts/_marts__exposures.yml").read_text()
    )["exposures"]
    assert set(bundle["dashboards"]) == {
        each["name"] for each in exposures if each["type"] == "dashboard"
    }
    asked = {dataset["sql"] for dataset in bundle["datasets"].values()}
    assert asked == {
        query
        for name, query in queries(project_root).items()
        if name.partition("/")[0] in bundle["dashboards"]
    }


def test_every_part_leads_to_one_that_is_there(bundle: dict[str, dict[str, Document]]) -> None:
    (warehouse,) = bundle["databases"].values()
    assert {each["database_uuid"] for each in bundle["datasets"].values()} == {warehouse["uuid"]}
    datasets = {each["uuid"]: each for each in bundle["datasets"].values()}
    assert {each["dataset_uuid"] for each in bundle["charts"].values()} == set(datasets)
    shown = {
        part["meta"]["uuid"]
        for dashboard in bundle["dashboards"].values()
        for part in dashboard["position"].values()
        if isinstance(part, dict) and part["type"] == "CHART"
    }
    assert shown == {each["uuid"] for each in bundle["charts"].values()}


def test_charts_name_columns_that_their_queries_have(
    bundle: dict[str, dict[str, Document]], bi_reader_uri: str
) -> None:
    datasets = {each["uuid"]: each for each in bundle["datasets"].values()}
    with psycopg.connect(bi_reader_uri) as reader:
        for chart in bundle["charts"].values():
            dataset = datasets[chart["dataset_uuid"]]
            answer = reader.execute(dataset["sql"].encode())
            there = {column.name for column in answer.description or ()}
            assert {column["column_name"] for column in dataset["columns"]} == there
            params = chart["params"]
            named = {metric["column"]["column_name"] for metric in params.get("metrics", [])}
            named |= {*params.get("groupby", []), *params.get("all_columns", [])}
            named |= {params["x_axis"]} if "x_axis" in params else set()
            assert named
            assert named <= there, chart["slice_name"]
