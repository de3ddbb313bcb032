"""The manifest as rows, and as the file that the tap reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mixtape.pipeline import PipelineError
from mixtape.steps import inputs, validate
from mixtape.steps.messages import Message

if TYPE_CHECKING:
    from pathlib import Path

    from mixtape.steps.run import Run

_COLUMNS = ("bucket", "key", "etag", "size", "last_modified", "reason")


@pytest.fixture
def listed(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three files are in the run's manifest; returns where the tap reads it."""
    path = tmp_path / "made" / "manifest.jsonl"
    monkeypatch.setenv("LOAD_STEPS_MANIFEST", str(path))
    now = datetime.now(UTC)
    for run_id, names in (("other", "dx"), (run.id, "abc")):
        rows = [("raps", f"{name}.yaml", f"etag-{name}", 1, now, "new") for name in names]
        run.tables.replace("_run_files", run_id, _COLUMNS, rows)
    return path


def _checked(run: Run) -> None:
    run.tables.change(
        "insert into {steps} (run_id, step, started_at) values (%(run)s, 'check', now())",
        {"run": run.id},
        steps="_run_steps",
    )


def test_the_tap_is_given_the_run_s_own_versions(run: Run, listed: Path) -> None:
    _checked(run)
    inputs.write_manifest(run)
    lines = [json.loads(line) for line in listed.read_text().splitlines()]
    assert lines == [{"key": f"{name}.yaml", "etag": f"etag-{name}"} for name in "abc"]


def test_without_a_check_there_is_no_manifest(run: Run, listed: Path) -> None:
    with pytest.raises(PipelineError, match="its step `check` comes first"):
        inputs.write_manifest(run)
    assert not listed.exists()


def test_validation_counts_by_file_and_drops_what_the_tap_does_not_read(
    run: Run, listed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [
        Message("RECORD", "_files", record={"key": "a.yaml", "rows": 3, "rejected": 1}),
        Message("RECORD", "_files", record={"key": "b.yaml", "rows": 0, "rejected": 1}),
        *(
            Message("RECORD", "x__rejected", record={"error_code": code}, is_rejected=True)
            for code in ("text_expected", "text_expected", "yaml_invalid")
        ),
    ]
    for _ in range(2):
        monkeypatch.setattr(validate, "messages", lambda _: iter(found))
        validate.validate(run)
    rows = run.tables.select(
        "select run_id, key, rows, rejected from {files} order by 1 desc, 2", {}, files="_run_files"
    )
    assert rows == [
        ("other", "d.yaml", None, None),
        ("other", "x.yaml", None, None),
        (run.id, "a.yaml", 3, 1),
        (run.id, "b.yaml", 0, 1),
    ]
    assert run.summary["faults"] == {"text_expected": 2, "yaml_invalid": 1}
