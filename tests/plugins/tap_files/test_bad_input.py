"""Whatever a file holds: a clear line with its position for what is broken; the rest goes on."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from fixtures.tapped import SONGS
from fixtures.written import as_csv, as_parquet, zipped
from tap_files import compression
from target_postgres import TargetPostgres

if TYPE_CHECKING:
    from fixtures.fix_postgres import Database
    from fixtures.singer import Output
    from fixtures.tapped import Bucket, Tapped

LINES = b'{"title": "one"}\n{"title": "two"}\n'
ALIASES = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + level, 98 + level, b",".join([b"*%c" % (97 + level)] * 9))
    for level in range(9)
)
PARQUET = as_parquet([{"title": f"t{number}"} for number in range(10)])
LATIN = "title: café\n".encode("latin-1")


class Case(NamedTuple):
    """One file with one fault."""

    key: str
    data: bytes
    code: str
    where: str
    """How the message begins."""
    good: int = 0
    """So many records come from the file all the same."""


def _unsupported() -> bytes:
    durations = pa.array([1, 2], pa.duration("s"))
    file = io.BytesIO()
    pa.parquet.write_table(pa.table({"title": ["a", "b"], "took": durations}), file)
    return file.getvalue()


CASES = {
    "broken YAML with an alias bomb": Case(
        "a.yaml", ALIASES + b"x: [", "yaml_invalid", "line 11: "
    ),
    "an alias bomb": Case(
        "b.yaml", b"title: one\n---\n" + ALIASES, "yaml_alias_bomb", "line 3, column ", 1
    ),
    "10,000 levels of YAML": Case("c.yaml", b"[" * 10_000, "too_deep", "line 1: "),
    "10,000 levels of JSON": Case("d.json", b"[" * 10_000 + b"]" * 10_000, "too_deep", "line 1: "),
    "10,000 levels in a line": Case(
        "e.jsonl", LINES + b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "too_deep", "line 3: ", 2
    ),
    "Latin-1 in YAML": Case("f.yaml", LATIN, "encoding_invalid", "line 1, byte 11: byte 0xe9"),
    "Latin-1 in JSON": Case(
        "g.json", b'{"title":\n"caf\xe9"}', "encoding_invalid", "line 2, byte 5: byte 0xe9"
    ),
    "Latin-1 in JSON lines": Case(
        "h.jsonl", LINES + b'{"title": "\xe9"}', "encoding_invalid", "line 3, byte 12: ", 2
    ),
    "Latin-1 in CSV": Case(
        "i.csv", b"title\ncaf\xe9\ntwo", "encoding_invalid", "line 2, byte 4: byte 0xe9", 1
    ),
    "half a character in UTF-16": Case(
        "j.jsonl",
        b"\xff\xfe" + '{"title": "one"}\n'.encode("utf-16-le") + b"x",
        "encoding_invalid",
        "line 2: byte 36 of the file",
        1,
    ),
    "NUL in YAML": Case("k.yaml", b"title: a\x00b", "text_nul", "line 1, byte 9: "),
    "NUL in JSON": Case("l.json", b'{"title": "a\x00b"}', "text_nul", "line 1, byte 13: "),
    "NUL in JSON lines": Case(
        "m.jsonl", LINES + b'{"a\x00": 1}', "text_nul", "line 3, byte 4: ", 2
    ),
    "NUL in CSV": Case("n.csv", b"title\na\x00\nb\n", "text_nul", "line 2, byte 2: ", 1),
    "UTF-16 without a mark": Case(
        "o.csv", "title\nx\n".encode("utf-16-le"), "text_nul", "line 1, byte 2: "
    ),
    "a key twice in YAML": Case(
        "p.yaml",
        b"title: a\n---\ntitle: b\ntitle: c",
        "yaml_duplicate_key",
        "line 4, column 1: ",
        1,
    ),
    "a key twice in JSON": Case(
        "q.json", b'{"title": "a", "title": "b"}', "json_duplicate_key", "line 1: "
    ),
    "a key twice in a line": Case(
        "r.jsonl",
        LINES + b'{"title": "a", "x": {"y": 1, "y": 2}}',
        "json_duplicate_key",
        "line 3: ",
        2,
    ),
    "a column twice": Case("s.csv", b"title,a,a\nx,1,2", "csv_header", "line 1: fields 2 and 3"),
    "a ragged row": Case(
        "t.csv",
        b'title,a\n"x\ny",1\ntwo\nthree,3\n',
        "csv_ragged",
        "line 4: 1 fields of 2; field 2, 'a', is missing",
        2,
    ),
    "a quote that is never closed": Case(
        "u.csv", b'title,a\none,"1\ntwo,2\nthree,3\n', "csv_invalid", "line 2: a quote is never", 2
    ),
    "a zip bomb": Case(
        "v.zip", zipped({"a.jsonl": LINES, "b.jsonl": bytes(8 * 2**20)}), "zip_bomb", "member 'b", 2
    ),
    "a gzip bomb": Case("w.jsonl.gz", gzip.compress(bytes(8 * 2**20)), "gzip_bomb", "line 1: "),
    "a type that Parquet has and JSON has not": Case(
        "x.parquet", _unsupported(), "parquet_type", "row 1: column 'took' has the type duration[s]"
    ),
    "no Parquet": Case("y.parquet", b"PAR1 no Parquet", "parquet_invalid", "row 1: broken Parquet"),
    "half a Parquet": Case("z.parquet", PARQUET[:-100], "parquet_invalid", "row 1: broken Parquet"),
    "a gzip of 0 bytes": Case("aa.jsonl.gz", b"", "gzip_invalid", "line 1: no gzip data"),
    "half a gzip": Case(
        "ab.csv.gz",
        gzip.compress(as_csv([{"title": "one"}, {"title": "two"}]))[:-9],
        "gzip_truncated",
        "line ",
        2,
    ),
    "a broken member of a zip": Case(
        "ac.zip",
        zipped(
            {"a.yaml": b"title: [", "b.csv": b"title\nzero\n", "readme.txt": b"", "c.jsonl": LINES}
        ),
        "yaml_invalid",
        "member 'a.yaml' line 1: ",
        3,
    ),
}

GOOD = {
    "ba.jsonl": (b"\xef\xbb\xbf" + LINES, 2),
    "bb.jsonl": (LINES.replace(b"\n", b"\r\n"), 2),
    "bc.csv": (b"\xef\xbb\xbftitle,a\r\none,1\r\n\r\ntwo,2", 2),
    "bd.yaml": (b"\xef\xbb\xbftitle: one\r\n---\r\ntitle: two", 2),
    "be.json": (b'\xef\xbb\xbf\r\n[\r\n{"title": "one"}]\r\n', 1),
    "bf.jsonl": (b'\n\n{"title": "one"}\n \n{"title": "two"}', 2),
    "bg.csv": ("title\ncafé\n".encode("utf-16"), 1),
    "bh.parquet": (PARQUET, 10),
    "bi.csv": (b"title,a\n", 0),
    "bj.jsonl.gz": (gzip.compress(b""), 0),
    "bk.zip": (zipped({"a.md": b"no", "b.tsv": b"title\ta\none\t1", "c.parquet": PARQUET}), 11),
    **{f"empty.{ending}": (b"", 0) for ending in ("yaml", "json", "jsonl", "csv", "parquet")},
}


@pytest.fixture(autouse=True)
def _small_bombs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "RATIO_ALLOWANCE", 4 * 2**20)


def put_all(files: Tapped) -> None:
    for case in CASES.values():
        files.put(f"songs/{case.key}", case.data)
    for key, (data, _) in GOOD.items():
        files.put(f"songs/{key}", data)


def count(output: Output, key: str) -> int:
    return sum(record["_sdc_source_file"] == key for record in output.records("songs"))


@pytest.mark.parametrize("name", CASES)
def test_a_broken_file_is_one_clear_line(files: Tapped, name: str) -> None:
    case = CASES[name]
    key = f"songs/{case.key}"
    files.put(key, case.data)
    files.put("songs/good.yaml", "title: good")
    output = files.tap()
    (row,) = output.records("songs__rejected")
    assert (row["_sdc_source_file"], row["error_code"]) == (key, case.code)
    assert row["error_message"].startswith(case.where)
    assert "\n" not in row["error_message"]
    assert count(output, key) == case.good
    assert count(output, "songs/good.yaml") == 1
    assert files.tap(output.state).counts() == {}


@pytest.mark.parametrize("key", GOOD)
def test_what_only_looks_odd_is_read(files: Tapped, key: str) -> None:
    data, rows = GOOD[key]
    files.put(f"songs/{key}", data)
    output = files.tap()
    assert output.records("songs__rejected") == []
    assert len(output.records("songs")) == rows
    (file,) = output.records("_files")
    assert (file["rows"], file["rejected"]) == (rows, 0)


def load(output: Output, database: Database) -> None:
    lines = b"".join(json.dumps(message).encode() + b"\n" for message in output.messages)
    config = {**database.settings, "default_target_schema": "raw"}
    TargetPostgres(config=config).listen(io.BytesIO(lines))  # type: ignore[arg-type]


def test_all_of_it_at_once_ends_in_the_warehouse_and_repairs_come_in_by_themselves(
    s3: Bucket, database: Database
) -> None:
    put_all(s3)
    first = s3.tap()
    load(first, database)
    with database.connect() as connection:
        rejected = connection.execute(
            "select _sdc_source_file, error_code, error_message from raw.songs__rejected"
        ).fetchall()
        loaded = connection.execute("select count(*) from raw.songs").fetchone()
    assert sorted((file, code) for file, code, _ in rejected) == sorted(
        (f"songs/{case.key}", case.code) for case in CASES.values()
    )
    assert all("\n" not in message for _, _, message in rejected)
    expected = sum(case.good for case in CASES.values()) + sum(rows for _, rows in GOOD.values())
    assert len(first.records("songs")) == expected
    assert loaded == (expected,)
    repaired = {case.key for case in CASES.values() if not case.key.endswith((".parquet", ".zip"))}
    for key in repaired:
        body = {"csv": "title\nrepaired", "yaml": "title: repaired"}.get(
            key.split(".")[1], '{"title": "repaired"}'
        )
        s3.put(f"songs/{key}", body)
    second = s3.tap(first.state)
    load(second, database)
    assert second.counts() == {"songs": len(repaired), "_files": len(repaired)}
    with database.connect() as connection:
        standing = connection.execute(
            "select count(*) from raw.songs__rejected r join raw._files f on f.key ="
            " r._sdc_source_file and f.seen_etag = r._sdc_source_etag"
        ).fetchone()
    assert standing == (len(CASES) - len(repaired),)
    assert s3.tap(second.state, streams=[SONGS]).counts() == {}
