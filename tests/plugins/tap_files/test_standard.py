"""The SDK's own suite of tests for taps."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import get_tap_test_class

from tap_files import TapFiles

if TYPE_CHECKING:
    from collections.abc import Iterator

# A column that is empty in a first run (`deleted_at`) is no fault.
pytestmark = pytest.mark.filterwarnings("ignore:No records were available to test:UserWarning")

# The suite looks at the streams while pytest collects, so its folder is there before any fixture.
ROOT = Path(tempfile.mkdtemp(prefix="tap-files-"))


@pytest.fixture(scope="module", autouse=True)
def _files() -> Iterator[None]:
    """Write what the suite reads: every kind of record, and a fault for the quarantine."""
    path = ROOT / "songs" / "a.jsonl"
    path.parent.mkdir()
    songs: list[dict[str, Any]] = [
        {"title": f"t{n}", "plays": n, "credits": [{"who": "me", "role": "singer"}], "mood": "low"}
        for n in range(20)
    ]
    path.write_text("\n".join(json.dumps(song) for song in [*songs, {"title": "bad", "plays": -1}]))
    yield
    path.unlink()
    path.parent.rmdir()
    ROOT.rmdir()


TestTapFiles = get_tap_test_class(
    TapFiles,
    config={
        "protocol": "file",
        "bucket": str(ROOT),
        "streams": [
            {"name": "songs", "prefix": "songs/", "key_properties": ["title"]},
            {
                "name": "credits",
                "prefix": "songs/",
                "explode": "credits",
                "key_properties": ["title", "who"],
            },
        ],
        "contract_mode": "quarantine",
        "contract_models": {
            "songs": "fixtures.contracts.HookedSong",
            "credits": "fixtures.contracts.SongCredit",
        },
    },
)
