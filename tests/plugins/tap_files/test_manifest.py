"""A manifest says which versions a run reads; the others are read later, none is forgotten."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.singer import Tables
from singer_kit.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.singer import Output
    from fixtures.tapped import Folder, Tapped

FEW_NAMES: dict[str, Any] = {"max_state_keys": 3, "lookback_seconds": 0}


def titles(output: Output) -> list[str]:
    return sorted(record["title"] for record in output.records("songs"))


def listed(output: Output) -> dict[str, str]:
    return {record["key"]: record["seen_etag"] for record in output.records("_files")}


def written(folder: Path, versions: dict[str, str]) -> str:
    path = folder / "manifest.jsonl"
    entries = ({"key": key, "etag": etag} for key, etag in versions.items())
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return str(path)


def test_only_the_versions_named_are_read_and_the_rest_by_a_later_run(
    files: Tapped, tmp_path: Path
) -> None:
    for name in ("named", "changed", "not-named"):
        files.put(f"songs/{name}.yaml", f"title: {name}")
    versions = listed(files.tap())
    del versions["songs/not-named.yaml"]
    files.put("songs/changed.yaml", "title: changed since")
    first = files.tap(manifest=written(tmp_path, versions))
    assert titles(first) == ["named"]
    second = files.tap(first.state)
    assert titles(second) == ["changed since", "not-named"]


def test_an_empty_manifest_reads_nothing_but_tells_what_is_gone(
    files: Tapped, tmp_path: Path
) -> None:
    files.put("songs/stays.yaml", "title: stays")
    files.put("songs/goes.yaml", "title: goes")
    first = files.tap()
    files.delete("songs/goes.yaml")
    files.put("songs/new.yaml", "title: new")
    second = files.tap(first.state, manifest=written(tmp_path, {}))
    assert titles(second) == []
    (gone,) = second.records("_files")
    assert (gone["key"], gone["etag"]) == ("songs/goes.yaml", None)


def test_a_state_without_names_forgets_no_file_that_a_manifest_left_out(
    folder: Folder, tmp_path: Path
) -> None:
    for day in range(1, 10):
        folder.put(f"songs/{day}.yaml", f"title: t{day}", f"2024-01-0{day}")
    versions = listed(folder.tap(**FEW_NAMES))
    del versions["songs/2.yaml"]
    first = folder.tap(**FEW_NAMES, manifest=written(tmp_path, versions))
    folder.put("songs/1.yaml", "title: t1 again", "2024-02-08")
    folder.put("songs/9.yaml", "title: t9 again", "2024-02-09")
    second = folder.tap(first.state, **FEW_NAMES, manifest=written(tmp_path, {}))
    third = folder.tap(second.state, **FEW_NAMES)
    assert titles(first) == [f"t{day}" for day in (1, *range(3, 10))]
    assert second.counts() == {}, "none is read, and none is taken for gone"
    assert titles(third) == ["t1 again", "t2", "t9 again"]
    target = Tables()
    target.load(first.messages + second.messages + third.messages)
    current = {row["title"] for row in target.current("songs")}
    assert current == {"t1 again", *(f"t{day}" for day in range(2, 9)), "t9 again"}


@pytest.mark.parametrize(
    "text", ["no json\n", '{"key": "a"}\n', '{"key": "a", "etag": 1}\n', '["a", "b"]\n']
)
def test_a_line_that_names_no_version_ends_the_run(
    folder: Folder, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "manifest.jsonl"
    path.write_text('{"key": "a", "etag": "b"}\n' + text)
    with pytest.raises(ConfigError, match=r"manifest\.jsonl, line 2: must be an object"):
        folder.tap(manifest=str(path))


def test_a_manifest_that_is_not_there_ends_the_run(folder: Folder, tmp_path: Path) -> None:
    folder.put("songs/a.yaml", "title: a")
    with pytest.raises(ConfigError, match="write it first"):
        folder.tap(manifest=str(tmp_path / "none"))
