"""Compressed files: found by their bytes, streamed, bounded, and broken ones named."""

from __future__ import annotations

import bz2
import gzip
import io
import sys
import tracemalloc
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.tapped import SONGS
from tap_files import compression
from tap_files.compression import opened
from tap_files.formats import BadFileError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fixtures.tapped import Folder, Tapped

LINES = b'{"title": "one"}\n{"title": "two"}\n{"title": "three"}\n'
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "zstd": zstd.compress,
}
ENDINGS = {"gzip": ".gz", "bzip2": ".bz2", "zstd": ".zst"}


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def rows(records: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(record["_sdc_source_lineno"], record["title"]) for record in records]


@pytest.mark.parametrize("name", COMPRESS)
def test_compression_goes_by_the_bytes_and_format_by_the_name(files: Tapped, name: str) -> None:
    data = COMPRESS[name](LINES)
    files.put(f"songs/a.jsonl{ENDINGS[name]}", data)
    files.put("songs/b.jsonl", data)
    files.put("songs/c.jsonl.gz", LINES)
    files.put(f"songs/d.md{ENDINGS[name]}", data)
    output = files.tap()
    found = output.records("songs")
    wanted = [(1, "one"), (2, "two"), (3, "three")]
    for key in (f"songs/a.jsonl{ENDINGS[name]}", "songs/b.jsonl", "songs/c.jsonl.gz"):
        assert rows([r for r in found if r["_sdc_source_file"] == key]) == wanted
    assert len(found) == 9
    assert len(output.records("_files")) == 3


@pytest.mark.parametrize("name", COMPRESS)
def test_parts_written_one_behind_the_other_are_one_file(folder: Folder, name: str) -> None:
    first, second = LINES[:20], LINES[20:]
    folder.put("songs/a.jsonl", COMPRESS[name](first) + COMPRESS[name](second))
    assert rows(folder.tap().records("songs")) == [(1, "one"), (2, "two"), (3, "three")]


def test_a_zip_is_read_member_by_member_with_lines_counting_on(files: Tapped) -> None:
    files.put(
        "songs/a.zip",
        zipped(
            {
                "readme.md": b"not for us",
                "deep/": b"",
                "deep/a.jsonl": b'{"title": "one"}\nbroken\n{"title": "two"}',
                "b.yaml": b"title: three\n---\ntitle: four\n",
                "c.yaml": b"title: [",
                "d.json": b'[{"title": "five"}, {"title": "six"}]',
            }
        ),
    )
    output = files.tap()
    assert rows(output.records("songs")) == [
        (1, "one"),
        (3, "two"),
        (4, "three"),
        (6, "four"),
        (8, "five"),
        (9, "six"),
    ]
    assert [
        (row["_sdc_source_lineno"], row["error_code"], row["error_message"].split(":")[0])
        for row in output.records("songs__rejected")
    ] == [
        (2, "json_invalid", "member 'deep/a.jsonl' line 2, byte 1"),
        (7, "yaml_invalid", "member 'c.yaml' line 1"),
    ]
    (file,) = output.records("_files")
    assert (file["rows"], file["rejected"]) == (6, 2)
    assert files.tap(output.state).counts() == {}


def test_a_said_compression_is_taken_at_its_word(folder: Folder) -> None:
    folder.put("songs/a.jsonl", LINES)
    folder.put("songs/b.jsonl", gzip.compress(LINES))
    said = folder.tap(streams=[{**SONGS, "compression": "gzip"}])
    (row,) = said.records("songs__rejected")
    assert (row["_sdc_source_file"], row["error_code"]) == ("songs/a.jsonl", "gzip_invalid")
    assert len(said.records("songs")) == 3
    none = folder.tap(streams=[{**SONGS, "compression": "none"}])
    assert {r["_sdc_source_file"] for r in none.records("songs")} == {"songs/a.jsonl"}


@pytest.mark.parametrize("name", COMPRESS)
def test_what_ends_early_is_named_behind_what_was_good(files: Tapped, name: str) -> None:
    many = b"".join(b'{"title": "%d %d"}\n' % (n, hash(str(n))) for n in range(50_000))
    data = COMPRESS[name](many)
    files.put("songs/a.jsonl", data[: len(data) * 3 // 4])
    files.put("songs/b.jsonl", LINES)
    output = files.tap()
    good = [r for r in output.records("songs") if r["_sdc_source_file"] == "songs/a.jsonl"]
    (row,) = output.records("songs__rejected")
    assert row["error_code"] == f"{name}_truncated"
    line = row["_sdc_source_lineno"]
    assert row["error_message"].startswith(f"line {line}: broken {name} data before byte ")
    assert 0 < len(good) < 50_000
    assert [r["_sdc_source_lineno"] for r in good] == list(range(1, line))
    assert len(output.records("songs")) == len(good) + 3


@pytest.mark.parametrize(
    ("key", "data", "code"),
    [
        ("a.jsonl.gz", b"", "gzip_invalid"),
        ("a.jsonl.zst", b"", "zstd_invalid"),
        ("a.jsonl.bz2", b"", "bzip2_invalid"),
        ("a.zip", b"", "zip_invalid"),
        ("a.zip", b"no zip", "zip_invalid"),
        ("a.zip", zipped({"a.jsonl": LINES})[:-30], "zip_invalid"),
        ("a.jsonl.gz", b"\x1f\x8b\x08\x00broken", "gzip_truncated"),
        ("a.jsonl.gz", gzip.compress(LINES, mtime=0)[:-8] + bytes(8), "gzip_invalid"),
        ("a.jsonl.zst", b"\x28\xb5\x2f\xfdbroken broken", "zstd_invalid"),
        ("a.jsonl.bz2", b"BZh9broken broken", "bzip2_invalid"),
    ],
)
def test_broken_data_is_one_line_and_the_rest_goes_on(
    files: Tapped, key: str, data: bytes, code: str
) -> None:
    files.put(f"songs/{key}", data)
    files.put("songs/b.jsonl", LINES)
    output = files.tap()
    (row,) = output.records("songs__rejected")
    assert (row["_sdc_source_file"], row["error_code"]) == (f"songs/{key}", code)
    assert "\n" not in row["error_message"]
    good = [r for r in output.records("songs") if r["_sdc_source_file"] == "songs/b.jsonl"]
    assert len(good) == 3
    assert files.tap(output.state).counts() == {}
    files.put(f"songs/{key}", zipped({"a.jsonl": LINES}) if key == "a.zip" else LINES)
    assert len(files.tap(output.state).records("songs")) == 3


def test_an_empty_file_is_no_fault_where_nothing_promises_more(folder: Folder) -> None:
    folder.put("songs/a.jsonl", b"")
    folder.put("songs/b.jsonl.gz", gzip.compress(b""))
    folder.put("songs/c.zip", zipped({}))
    output = folder.tap()
    assert output.records("songs__rejected") == []
    assert len(output.records("_files")) == 3


def bombs() -> Iterator[Any]:
    nothing = bytes(256 * 1024 * 1024)
    for name, compress in COMPRESS.items():
        yield pytest.param("a.jsonl", compress(nothing), f"{name}_bomb", id=name)
    archive = zipped({"first.jsonl": LINES, "a.jsonl": nothing, "b.jsonl": nothing})
    yield pytest.param("a.zip", archive, "zip_bomb", id="zip")


@pytest.mark.parametrize(("key", "data", "code"), list(bombs()))
def test_a_bomb_is_cut_off_at_its_bound(
    key: str, data: bytes, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compression, "RATIO_ALLOWANCE", 8 * 1024 * 1024)
    monkeypatch.setattr(compression, "MAX_RATIO", 20)
    content = opened([data], key, "auto")
    parts = (m.chunks for m in content.members) if content.members else [content.chunks]
    sizes = (len(chunk) for part in parts for chunk in part)
    read: list[int] = []
    tracemalloc.start()
    with pytest.raises(BadFileError) as raised:
        read.extend(sizes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert raised.value.code == code
    assert 0 < sum(read) <= 8 * 1024 * 1024 + 20 * len(data)
    assert peak < 16 * 1024 * 1024


def test_a_bomb_among_good_files_is_rejected_alone(files: Tapped) -> None:
    files.put("songs/a.jsonl.gz", gzip.compress((b" " * 1023 + b"\n") * 150 * 1024))
    files.put("songs/b.jsonl", LINES)
    output = files.tap()
    (row,) = output.records("songs__rejected")
    assert row["error_code"] == "gzip_bomb"
    assert len(output.records("songs")) == 3
