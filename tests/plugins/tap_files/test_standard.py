"""The SDK's own suite of tests for taps, for each format and each way to come by a schema."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import get_tap_test_class

from fixtures.written import FORMATS
from tap_files import TapFiles

if TYPE_CHECKING:
    from collections.abc import Iterator

# A column that is empty in a first run (`deleted_at`) is no fault.
pytestmark = pytest.mark.filterwarnings("ignore:No records were available to test:UserWarning")

# The suite looks at the streams while pytest collects, so its folder is there before any fixture.
ROOT = Path(tempfile.mkdtemp(prefix="tap-files-"))


SONGS: list[dict[str, Any]] = [
    {"title": f"t{n}", "plays": n, "credits": [{"who": "me", "role": "singer"}], "mood": "low"}
    for n in range(20)
]
CREDITS = {"explode": "credits", "key_properties": ["title", "who"]}


@pytest.fixture(scope="module", autouse=True)
def _files() -> Iterator[None]:
    """Write what the suite reads: every kind of record, and a fault for the quarantine."""
    for ending, write in FORMATS.items():
        path = ROOT / ending / f"a.{ending}"
        path.parent.mkdir()
        path.write_bytes(write([*SONGS, {"title": "bad", "plays": -1, "credits": [], "mood": "x"}]))
    (ROOT / "text").mkdir()
    (ROOT / "text" / "a.log").write_bytes(b"one\ntwo\n\xff\n")
    yield
    shutil.rmtree(ROOT)


def under_contract(ending: str) -> Any:
    """Return the suite over one format, with a contract and an exploded stream."""
    return get_tap_test_class(
        TapFiles,
        config={
            "protocol": "file",
            "bucket": str(ROOT),
            "streams": [
                {"name": "songs", "prefix": f"{ending}/", "key_properties": ["title"]},
                {"name": "credits", "prefix": f"{ending}/", **CREDITS},
            ],
            "contract_mode": "quarantine",
            "contract_models": {
                "songs": "fixtures.contracts.HookedSong",
                "credits": "fixtures.contracts.SongCredit",
            },
        },
    )


def lone(*, include_stream_tests: bool = True, **stream: Any) -> Any:
    """Return the suite over one stream without a contract."""
    return get_tap_test_class(
        TapFiles,
        config={
            "protocol": "file",
            "bucket": str(ROOT),
            "streams": [{"name": "songs", **stream}],
            "on_bad_file": "quarantine" if stream.get("format") == "text" else "fail",
        },
        include_stream_tests=include_stream_tests,
    )


TestYaml = under_contract("yaml")
TestJson = under_contract("json")
TestJsonLines = under_contract("jsonl")
TestCsv = under_contract("csv")
TestParquet = under_contract("parquet")
TestText = lone(prefix="text/", format="text")
# The tests of streams hold records against a stream of a tap that has neither run nor discovered.
TestInferred = lone(
    include_stream_tests=False,
    prefix="parquet/",
    schema_strategy="infer",
    key_properties=["title"],
)
TestDeclared = lone(
    prefix="csv/",
    schema={"properties": {"title": {"type": "string"}, "plays": {"type": ["integer", "null"]}}},
)
