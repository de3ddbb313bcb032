"""What is broken is named and set aside; the rest goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fixtures.singer import run_tap
from fixtures.tapped import SONGS
from singer_kit.errors import ContractExceededError
from tap_files import TapFiles

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.tapped import Bucket, Folder, Tapped

CONTRACT: dict[str, Any] = {
    "contract_mode": "quarantine",
    "contract_models": {"songs": "fixtures.contracts.Song"},
}


def test_a_bad_file_among_good_ones_is_rejected_alone(files: Tapped) -> None:
    files.put("songs/a.yaml", "title: one")
    files.put("songs/bad.yaml", "title: one\nlyrics:\n\t- tab")
    files.put("songs/z.yaml", "title: two")
    output = files.tap()
    assert sorted(record["title"] for record in output.records("songs")) == ["one", "two"]
    (row,) = output.records("songs__rejected")
    assert row["source_key"] == f"{files.bucket}/songs/bad.yaml#3"
    assert (row["error_path"], row["error_code"]) == ("$", "yaml_invalid")
    assert "line 3" in row["error_message"]
    assert "tab" in row["error_message"]
    assert row["_sdc_source_file"] == "songs/bad.yaml"
    assert row["_sdc_source_lineno"] == 3
    assert files.tap(output.state).counts() == {}


def test_a_repaired_file_comes_in_by_itself(files: Tapped) -> None:
    files.put("songs/a.yaml", "title: [")
    state = files.tap().state
    files.put("songs/a.yaml", "title: repaired")
    output = files.tap(state)
    assert [record["title"] for record in output.records("songs")] == ["repaired"]
    assert output.counts() == {"songs": 1, "_files": 1}


def test_a_bad_line_is_rejected_alone_with_what_stands_there(files: Tapped) -> None:
    files.put("songs/a.jsonl", '{"title": "one"}\n{"title": \n[1]\n{"title": "two"}')
    output = files.tap()
    assert [record["title"] for record in output.records("songs")] == ["one", "two"]
    assert [
        (row["_sdc_source_lineno"], row["error_code"], row["payload"])
        for row in output.records("songs__rejected")
    ] == [(2, "json_invalid", {"raw": '{"title":'}), (3, "object_expected", {"raw": "[1]"})]


def test_a_document_without_its_key_is_rejected(files: Tapped) -> None:
    files.put("songs/a.yaml", "name: one\n---\ntitle: two")
    output = files.tap()
    assert [record["title"] for record in output.records("songs")] == ["two"]
    (row,) = output.records("songs__rejected")
    assert (row["error_path"], row["error_code"], row["payload"]) == (
        "$.title",
        "key_missing",
        {"name": "one"},
    )


def test_every_fault_of_a_document_has_its_row(files: Tapped) -> None:
    files.put(
        "songs/a.yaml",
        "title: ''\nplays: -1\ncredits: [{who: me}]\n---\ntitle: fine\nplays: 2\nmood: low",
    )
    output = files.tap(**CONTRACT)
    assert [
        (row["error_path"], row["error_code"]) for row in output.records("songs__rejected")
    ] == [
        ("$.title", "string_too_short"),
        ("$.plays", "greater_than_equal"),
        ("$.credits[0].role", "missing"),
    ]
    assert {row["payload"]["plays"] for row in output.records("songs__rejected")} == {-1}
    (record,) = output.records("songs")
    assert (record["title"], record["plays"], record["credits"]) == ("fine", 2, [])
    assert output.records("_files")[0]["rejected"] == 1


def test_a_message_never_quotes_a_value(folder: Folder) -> None:
    folder.put("songs/a.yaml", "title: t\nplays: SECRET")
    (row,) = folder.tap(**CONTRACT).records("songs__rejected")
    assert row["error_message"].startswith("found text; ")
    assert "SECRET" not in row["error_message"]


def test_a_models_own_hooks_are_used(folder: Folder) -> None:
    folder.put("songs/a.yaml", "title: t\nmood: low")
    models = {"songs": "fixtures.contracts.HookedSong"}
    (record,) = folder.tap(contract_mode="quarantine", contract_models=models).records("songs")
    assert (record["plays"], record["_sdc_extra"]) == (7, {"mood": "low"})


def test_an_exploded_stream_is_validated_as_its_parent(folder: Folder) -> None:
    folder.put("songs/a.yaml", "title: one\ncredits: [{who: me, role: singer}]")
    folder.put("songs/b.yaml", "title: two\ncredits: [{who: you}]")
    output = folder.tap(
        streams=[
            SONGS,
            {
                "name": "credits",
                "prefix": "songs/",
                "explode": "credits",
                "key_properties": ["title", "who"],
            },
        ],
        contract_mode="quarantine",
        contract_models={
            "songs": "fixtures.contracts.Song",
            "credits": "fixtures.contracts.SongCredit",
        },
    )
    (credit,) = output.records("credits")
    assert {name: credit[name] for name in ("title", "who", "role")} == {
        "title": "one",
        "who": "me",
        "role": "singer",
    }
    assert [row["error_path"] for row in output.records("songs__rejected")] == ["$.credits[0].role"]
    assert "credits__rejected" not in output.schemas


def test_warn_lets_a_document_through_as_it_is(folder: Folder) -> None:
    folder.put("songs/a.yaml", "title: one\nplays: -1\nmood: low")
    output = folder.tap(**{**CONTRACT, "contract_mode": "warn"})
    (record,) = output.records("songs")
    assert (record["plays"], record["_sdc_extra"]) == (-1, {"mood": "low"})
    assert output.records("songs__rejected") == []


def test_off_does_not_look_at_the_model(folder: Folder) -> None:
    folder.put("songs/a.yaml", "title: one\nplays: -1")
    (record,) = folder.tap(**{**CONTRACT, "contract_mode": "off"}).records("songs")
    assert record["document"] == {"title": "one", "plays": -1}


@pytest.mark.parametrize(
    ("settings", "body"),
    [
        ({"on_bad_file": "fail"}, "title: ["),
        ({"on_bad_file": "fail"}, "title: one\ntitle: two"),
        ({**CONTRACT, "contract_mode": "fail"}, "title: one\nplays: -1"),
    ],
)
def test_fail_ends_the_run_behind_what_was_good(
    folder: Folder, settings: dict[str, Any], body: str
) -> None:
    folder.put("songs/a.yaml", "title: good", "2024-01-01")
    folder.put("songs/b.yaml", body, "2024-01-02")
    output = run_tap(TapFiles, folder.config(**settings))
    assert isinstance(output.error, ContractExceededError)
    assert "songs/b.yaml line 1" in str(output.error)
    assert "\n" not in str(output.error)
    assert list(output.state["bookmarks"]["songs"]["files"]) == ["songs/a.yaml"]
    assert output.counts() == {"songs": 1, "_files": 1}


def test_skip_leaves_a_warning_and_a_count(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    folder.put("songs/a.yaml", "title: [")
    output = folder.tap(on_bad_file="skip")
    assert output.counts() == {"_files": 1}
    assert output.records("_files")[0]["rejected"] == 1
    assert "songs/a.yaml line 1" in caplog.text


def test_too_many_faults_end_the_run_from_1000_documents_on(folder: Folder) -> None:
    lines = [f'{{"title": "t{number}"}}' for number in range(900)]
    folder.put("songs/a.jsonl", "\n".join(lines + ["nope"] * 99), "2024-01-01")
    ratio: dict[str, Any] = {"max_rejected_ratio": 0.05}
    assert len(folder.tap(**ratio).records("songs__rejected")) == 99
    folder.put("songs/b.jsonl", '{"title": "good"}\nnope', "2024-01-02")
    output = run_tap(TapFiles, folder.config(**ratio))
    assert isinstance(output.error, ContractExceededError)
    assert "max_rejected_ratio 0.05" in str(output.error)
    assert list(output.state["bookmarks"]["songs"]["files"]) == ["songs/a.jsonl"]
    assert output.records("songs")[-1]["title"] == "good"
    assert folder.tap(max_rejected_ratio=0.5).error is None


def test_the_corpus_broken_files_are_rejected_as_expected(s3: Bucket, project_root: Path) -> None:
    broken = project_root / "extract" / "raps" / "broken"
    for path in broken.rglob("*/*"):
        s3.put(f"{path.parent.name}/broken/{path.name}", path.read_bytes())
    definition = yaml.safe_load((project_root / "extract" / "extractors.meltano.yml").read_text())
    plugins = definition["plugins"]["extractors"]
    plugin = next(one for one in plugins if one["name"] == "tap-files")
    here = {"bucket": s3.bucket, "endpoint_url": s3.store.endpoint_url}
    output = s3.tap(**{**plugin["config"], **here})
    found = sorted(
        (row["_sdc_source_file"].replace("/broken/", "/"), row["error_path"], row["error_code"])
        for stream in ("artists", "lyrics", "meetups")
        for row in output.records(f"{stream}__rejected")
    )
    expected = yaml.safe_load((broken / "expected.yaml").read_text())
    assert found == sorted(
        (case["file"], case["error_path"], case["error_code"]) for case in expected
    )


@pytest.mark.parametrize(
    ("on_bad_file", "on_bad_line", "rejected"),
    [
        ("quarantine", None, ["songs/file.yaml", "songs/line.jsonl"]),
        ("quarantine", "skip", ["songs/file.yaml"]),
        ("skip", "quarantine", ["songs/line.jsonl"]),
        ("skip", None, []),
    ],
)
def test_a_bad_line_and_a_bad_file_can_be_treated_apart(
    folder: Folder, on_bad_file: str, on_bad_line: str | None, rejected: list[str]
) -> None:
    folder.put("songs/file.yaml", "title: [")
    folder.put("songs/line.jsonl", '{"title": "one"}\nnope')
    settings: dict[str, Any] = {"on_bad_file": on_bad_file, "on_bad_line": on_bad_line}
    output = folder.tap(**{name: value for name, value in settings.items() if value})
    assert [record["title"] for record in output.records("songs")] == ["one"]
    found = [row["_sdc_source_file"] for row in output.records("songs__rejected")]
    assert sorted(found) == rejected


def test_a_bad_line_can_end_a_run_that_a_bad_file_does_not(folder: Folder) -> None:
    folder.put("songs/a.yaml", "title: [", "2024-01-01")
    folder.put("songs/b.jsonl", "nope", "2024-01-02")
    output = run_tap(TapFiles, folder.config(on_bad_line="fail"))
    assert isinstance(output.error, ContractExceededError)
    assert "songs/b.jsonl line 1" in str(output.error)
    assert "on_bad_line" in str(output.error)
    assert len(output.records("songs__rejected")) == 1
