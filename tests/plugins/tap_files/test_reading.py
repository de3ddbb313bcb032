"""What a first run gives: records, lineage, the files themselves, one reading for all streams."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.tapped import SONGS
from singer_kit.errors import ConfigError
from tap_files.local import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.tapped import Bucket, Folder, Tapped

CREDITS = {
    "name": "credits",
    "prefix": "songs/",
    "explode": "credits",
    "key_properties": ["title", "who"],
}


def test_every_format_gives_documents_with_their_lines(files: Tapped) -> None:
    files.put("songs/a.yaml", "# two\ntitle: one\n---\ntitle: two\n")
    files.put("songs/b.json", '{"title": "three"}')
    files.put("songs/c.json", '[{"title": "four"},\n\n{"title": "five"}]')
    files.put("songs/d.jsonl", '{"title": "six"}\n\n{"title": "seven"}')
    files.put("songs/readme.md", "not for us")
    output = files.tap()
    assert [
        (record["_sdc_source_file"], record["_sdc_source_lineno"], record["title"])
        for record in sorted(output.records("songs"), key=lambda r: r["_sdc_source_file"])
    ] == [
        ("songs/a.yaml", 2, "one"),
        ("songs/a.yaml", 4, "two"),
        ("songs/b.json", 1, "three"),
        ("songs/c.json", 1, "four"),
        ("songs/c.json", 3, "five"),
        ("songs/d.jsonl", 1, "six"),
        ("songs/d.jsonl", 3, "seven"),
    ]


def test_every_record_says_where_it_comes_from(s3: Bucket) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    s3.put("songs/ä ö+%20.yaml", "title: umlaut")
    (record,) = s3.tap().records("songs")
    head = s3.store.client.head_object(Bucket=s3.bucket, Key="songs/ä ö+%20.yaml")
    assert record["_sdc_source_bucket"] == s3.bucket
    assert record["_sdc_source_file"] == "songs/ä ö+%20.yaml"
    assert f'"{record["_sdc_source_etag"]}"' == head["ETag"]
    modified = datetime.fromisoformat(record["_sdc_source_last_modified"])
    assert modified.replace(microsecond=0) == head["LastModified"]
    clock = datetime.fromtimestamp(record["_sdc_lsn"] / 1e6, UTC)
    assert before.replace(microsecond=0) <= clock <= datetime.now(UTC) + timedelta(seconds=1)


def test_the_files_themselves_are_a_stream(files: Tapped) -> None:
    files.put("songs/a.yaml", "title: one\n---\ntitle: two")
    files.put("songs/empty.yaml", "")
    files.put("songs/half.jsonl", '{"title": "three"}\nnope')
    files.put("songs/bad.yaml", "title: [")
    output = files.tap()
    found = {record["key"]: record for record in output.records("_files")}
    assert {key: (r["rows"], r["rejected"]) for key, r in found.items()} == {
        "songs/a.yaml": (2, 0),
        "songs/empty.yaml": (0, 0),
        "songs/half.jsonl": (1, 1),
        "songs/bad.yaml": (0, 1),
    }
    # A version that could not be read leaves the one before it current.
    assert {key for key, r in found.items() if "etag" not in r} == {"songs/bad.yaml"}
    assert all(r["etag"] == r["seen_etag"] for key, r in found.items() if "etag" in r)
    assert found["songs/a.yaml"]["size"] == 25
    assert {r["deleted_at"] for r in found.values()} == {None}


def test_a_files_own_record_follows_its_records(files: Tapped) -> None:
    files.put("songs/a.jsonl", '{"title": "one"}\n{"title": "two"}')
    streams = [m["stream"] for m in files.tap().messages if m["type"] == "RECORD"]
    assert streams == ["songs", "songs", "_files"]


def test_files_come_in_order_of_date_then_key(folder: Folder) -> None:
    for key, modified in (("c", "2024-01-01"), ("a", "2024-01-02"), ("b", "2024-01-02")):
        folder.put(f"songs/{key}.yaml", f"title: {key}", modified)
    assert [record["title"] for record in folder.tap().records("songs")] == ["c", "a", "b"]


def test_streams_of_one_source_share_one_reading(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: Counter[str] = Counter()
    read = LocalStore.read

    def counted(self: LocalStore, obj: Any) -> bytes:
        reads[obj.key] += 1
        return read(self, obj)

    monkeypatch.setattr(LocalStore, "read", counted)
    folder.put("songs/a.json", '{"title": "one", "credits": [{"who": "me"}, {"who": "you"}]}')
    output = folder.tap(streams=[SONGS, CREDITS, {"name": "again", "prefix": "songs/"}])
    assert output.counts() == {"songs": 1, "credits": 2, "again": 1, "_files": 1}
    assert reads == {"songs/a.json": 1}


def test_an_exploded_stream_has_the_elements_and_the_parents_key(files: Tapped) -> None:
    files.put(
        "songs/a.json",
        '{"title": "one", "plays": 3, "credits": [{"who": "me", "as": 1}, {"who": "you"}]}',
    )
    output = files.tap(streams=[SONGS, CREDITS])
    assert [
        (record["title"], record["who"], record["document"]) for record in output.records("credits")
    ] == [
        ("one", "me", {"title": "one", "who": "me", "as": 1}),
        ("one", "you", {"title": "one", "who": "you"}),
    ]


def test_an_element_without_key_is_rejected(folder: Folder) -> None:
    folder.put("songs/a.json", '{"title": "one", "credits": [{"who": "me"}, {}, 5]}')
    output = folder.tap(streams=[SONGS, CREDITS])
    assert [record["who"] for record in output.records("credits")] == ["me"]
    assert [record["error_path"] for record in output.records("songs__rejected")] == [
        "$.credits[1].who",
        "$.credits[2].who",
    ]


def test_without_key_properties_the_line_is_the_key(files: Tapped) -> None:
    files.put("songs/a.json", '[{"n": 1},{"n": 1},\n{"n": 1}]')
    output = files.tap(streams=[{"name": "songs"}])
    assert output.schemas["songs"]["key_properties"] == ["_sdc_source_file", "_sdc_source_lineno"]
    lines = [record["_sdc_source_lineno"] for record in output.records("songs")]
    assert len(set(lines)) == len(lines) == 3


def test_text_arrives_as_it_was_written(files: Tapped) -> None:
    text = 'line\nbreak "quoted" 🔥 ß\u2028\x85 ünï \\n \t'
    files.put("songs/a.jsonl", json.dumps({"title": text}))
    files.put("songs/b.json", json.dumps([{"title": text}], indent=1))
    files.put("songs/c.yaml", json.dumps({"title": text}, ensure_ascii=False))
    block = "first\n\n  indented\u2028\nlast \x85\n"
    files.put("songs/d.yaml", "title: |\n" + "".join(f"  {x}\n" for x in block.split("\n")[:-1]))
    output = files.tap()
    found = {r["_sdc_source_file"]: r["document"]["title"] for r in output.records("songs")}
    assert found == {
        "songs/a.jsonl": text,
        "songs/b.json": text,
        "songs/c.yaml": text,
        "songs/d.yaml": block,
    }


def test_numbers_keep_their_digits(
    folder: Folder, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    from tap_files import TapFiles  # noqa: PLC0415 - run by hand here, to see the bytes

    digits = b"1.10, 12345678901234567890123, 0.12345678901234567890"
    folder.put("songs/a.jsonl", b'{"title": "t", "n": [' + digits + b"]}")
    folder.put("songs/b.yaml", b'{"title": "t", "n": [' + digits + b"]}")
    TapFiles(config=folder.config()).sync_all()
    out = capfdbinary.readouterr().out
    assert out.count(b'"n":[1.10,12345678901234567890123,0.12345678901234567890]') == 1
    assert out.count(b'"n": [' + digits + b"]") == 1


def test_a_declared_schema_keeps_what_it_does_not_know_apart(
    folder: Folder, tmp_path: Path
) -> None:
    schema = tmp_path / "song.json"
    schema.write_text('{"type": "object", "properties": {"title": {"type": "string"}}}')
    folder.put("songs/a.yaml", "title: one\nmood: low")
    folder.put("songs/b.yaml", "title: two")
    output = folder.tap(streams=[{**SONGS, "schema": str(schema)}])
    assert [(r["title"], r["_sdc_extra"]) for r in output.records("songs")] == [
        ("one", {"mood": "low"}),
        ("two", None),
    ]
    assert "document" not in output.schemas["songs"]["schema"]["properties"]


def test_a_pattern_and_a_start_date_choose_files(folder: Folder) -> None:
    folder.put("songs/a.yaml", "title: a", "2024-01-01")
    folder.put("songs/b.yaml", "title: b", "2024-03-01")
    folder.put("songs/c.json", '{"title": "c"}', "2024-03-01")
    output = folder.tap(
        streams=[{**SONGS, "pattern": r"\.yaml$"}], start_date="2024-02-01T00:00:00Z"
    )
    assert [record["title"] for record in output.records("songs")] == ["b"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"streams": [SONGS, SONGS]}, "names must differ"),
        ({"streams": [{**SONGS, "explode": "x", "key_properties": []}]}, "needs 'key_properties'"),
        ({"streams": [{**SONGS, "pattern": "("}]}, "no regular expression"),
        ({"streams": [{**SONGS, "prefx": "x"}]}, "prefx"),
        ({"contract_models": {"nobody": "a.B"}}, "no stream is named nobody"),
        (
            {"contract_models": {"songs": "no.such.Model"}, "contract_mode": "fail"},
            "cannot load 'no.such.Model'",
        ),
        ({"start_date": "soon"}, "is no date"),
        ({"streams": [{**SONGS, "schema": "/no/such/file"}]}, "cannot be read"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_by_name(
    folder: Folder, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said.replace("(", r"\(")):
        folder.tap(**settings)


def test_a_folder_that_is_none_is_named(folder: Folder) -> None:
    with pytest.raises(Exception, match="is no folder"):
        folder.tap(bucket="/no/such/folder")
