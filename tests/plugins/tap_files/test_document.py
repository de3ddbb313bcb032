"""The page about the tap: its five configurations run, its tables name every setting."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fixtures.singer import Output, run_tap
from fixtures.written import as_jsonl, as_parquet
from tap_files import TapFiles
from tap_files.formats import FORMATS
from tap_files.stream_settings import STREAM

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.tapped import Bucket, Folder, Tapped

Configs = list[dict[str, Any]]


@pytest.fixture(scope="module")
def page(project_root: Path) -> str:
    return (project_root / "docs" / "connectors" / "tap-files.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def configs(page: str) -> Configs:
    """The configurations in the order of the page."""
    found = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    assert len(found) == 5
    return found


def run(config: dict[str, Any], files: Tapped) -> Output:
    """Run a configuration of the page over a test's files."""
    here = files.config()
    del here["streams"], here["on_bad_file"]
    output = run_tap(TapFiles, {**config, "addressing_style": "path", **here})
    assert output.error is None
    return output


def test_whole_documents_from_a_bucket(configs: Configs, s3: Bucket) -> None:
    s3.put("lyrics/a.yaml", "title: one")
    s3.put("lyrics/b.jsonl.gz", gzip.compress(b'{"title": "two"}'))
    output = run(configs[0], s3)
    assert [record["document"] for record in output.records("lyrics")] == [
        {"title": "one"},
        {"title": "two"},
    ]


def test_csv_from_a_folder_with_declared_columns(configs: Configs, folder: Folder) -> None:
    rows = "sale_id;sold_at;price;gift;note\n1;2024-01-31T10:00:00Z;9.50;yes;€\nx;;;;\n"
    folder.put("a.csv", rows.encode("cp1252"))
    output = run(configs[1], folder)
    (sale,) = output.records("sales")
    assert (sale["sale_id"], sale["price"], sale["gift"]) == (1, 9.5, True)
    assert sale["_sdc_extra"] == {"note": "€"}
    (row,) = output.records("sales__rejected")
    assert row["error_path"] == "$.sale_id"


def test_parquet_with_columns_as_they_are_found(configs: Configs, s3: Bucket) -> None:
    s3.put("trips/a.parquet", as_parquet([{"trip_id": "a", "km": 1.5}, {"trip_id": "b", "km": 2}]))
    output = run(configs[2], s3)
    assert [(trip["trip_id"], trip["km"]) for trip in output.records("trips")] == [
        ("a", 1.5),
        ("b", 2),
    ]
    assert output.schemas["trips"]["schema"]["properties"]["km"]["type"] == ["number", "null"]


def test_json_inside_an_answer_and_log_lines(configs: Configs, s3: Bucket) -> None:
    s3.put("orders/a.json", '{"data": {"items": [{"id": "1", "ordered_at": "2024-01-31"}]}}')
    s3.put("log/a.log", "started\nstopped\n")
    output = run(configs[3], s3)
    assert [(o["id"], o["ordered_at"]) for o in output.records("orders")] == [
        ("1", "2024-01-31T00:00:00+00:00")
    ]
    assert [line["document"]["text"] for line in output.records("log")] == ["started", "stopped"]


def test_a_contract_with_a_stream_of_its_elements(
    configs: Configs, s3: Bucket, project_root: Path
) -> None:
    raps = project_root / "extract" / "raps"
    for path in (raps / "lyrics").rglob("*.yaml"):
        s3.put(f"lyrics/{path.name}", path.read_bytes())
    s3.put("lyrics/broken.jsonl", as_jsonl([{"title": 5}]))
    output = run(configs[4], s3)
    assert len(output.records("lyrics")) > 3
    assert len(output.records("lyric_credits")) >= len(output.records("lyrics"))
    assert {row["_sdc_source_file"] for row in output.records("lyrics__rejected")} == {
        "lyrics/broken.jsonl"
    }


def test_the_table_of_a_stream_names_every_setting(page: str) -> None:
    _, _, rest = page.partition("An element of `streams`:")
    table, _, _ = rest.partition("## Five")
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(STREAM.wrapped)


def test_the_table_of_formats_names_every_format(page: str) -> None:
    _, _, rest = page.partition("## Formats")
    table, _, _ = rest.partition("- **Blank")
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(FORMATS)
