"""BATCH messages: files of records, which must do what RECORD messages with the same rows do."""

from __future__ import annotations

import contextlib
import gzip
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]  # has no types
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from singer_sdk.contrib.batch_encoder_jsonl import JSONLinesBatcher
from singer_sdk.contrib.batch_encoder_parquet import ParquetBatcher
from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig, StorageTarget

from singer_kit.errors import ExitCode

from .conftest import Json, Warehouse, record, schema, state
from .model import KINDS, Table, feeds, held, shapes
from .test_property import MODES, SIZES, clear

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fixtures.fix_object_store import Store

COLUMNS: Json = {
    "id": {"type": "integer"},
    "v": {"type": ["string", "null"]},
    "at": {"type": ["string", "null"], "format": "date-time"},
    "doc": {"type": ["object", "null"]},
    "tags": {"type": ["array", "null"]},
    "_sdc_lsn": {"type": "integer"},
}
SCHEMA = schema("t", COLUMNS)
ROWS: list[Json] = [
    {
        "id": n,
        "v": f'{n} \n\t"é" \\ \x01' if n % 3 else None,
        "at": f"2024-05-01T00:00:{n:02}Z",
        "doc": {"n": [n, None], "x": [{"y": "a\nb"}], "e": None},
        "tags": ["a", "", None] if n % 2 else None,
        "_sdc_lsn": n,
    }
    for n in range(40)
]
FORMATS: dict[str, Json] = {
    "gzip": {"format": "jsonl", "compression": "gzip"},
    "plain": {"format": "jsonl"},
    "parquet": {"format": "parquet"},
}


def written(rows: Iterable[Json], kind: str) -> bytes:
    """Return a file of records."""
    if kind == "parquet":
        rows = list(rows)
        names = dict.fromkeys(name for row in rows for name in row)
        sink = pa.BufferOutputStream()
        columns = {name: [row.get(name) for row in rows] for name in names}
        parquet.write_table(pa.table(columns), sink)
        return bytes(sink.getvalue())
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    return gzip.compress(text) if kind == "gzip" else text


def batch(kind: str, *urls: object, **more: Any) -> Json:
    manifest = [str(url) for url in urls]
    return {"type": "BATCH", "stream": "t", "encoding": FORMATS[kind], "manifest": manifest, **more}


@pytest.mark.parametrize("kind", FORMATS)
def test_files_give_the_table_that_records_give(
    warehouse: Warehouse, tmp_path: Path, kind: str
) -> None:
    warehouse.load(SCHEMA, *(record("t", **row) for row in ROWS))
    expected = warehouse.rows("t")
    warehouse.execute("drop table raw.t")
    files = [tmp_path / "first file", tmp_path / "second"]
    for file, rows in zip(files, (ROWS[:25], ROWS[25:]), strict=True):
        file.write_bytes(written(rows, kind))
    result = warehouse.load(SCHEMA, batch(kind, files[0].as_uri(), files[1]), state(t=40))
    assert result.error is None
    assert result.states == [{"bookmarks": {"t": 40}}]
    assert warehouse.rows("t") == expected
    assert all(file.exists() for file in files)


@pytest.mark.parametrize("kind", ["gzip", "parquet"])
def test_files_are_read_from_s3(
    warehouse: Warehouse,
    object_store: Store,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    monkeypatch.setenv("S3_ENDPOINT_URL", object_store.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", object_store.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", object_store.secret_key)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    object_store.client.put_object(Bucket=bucket, Key="a/b c", Body=written(ROWS, kind))
    assert warehouse.load(SCHEMA, batch(kind, f"s3://{bucket}/a/b c")).error is None
    assert len(warehouse.rows("t")) == len(ROWS)
    result = warehouse.load(SCHEMA, batch(kind, f"s3://{bucket}/nothing"), state(t=1))
    assert "line 2 of the messages names the file s3://" in str(result.error)
    assert result.states == []


@pytest.mark.parametrize(
    ("batcher", "kind"), [(JSONLinesBatcher, "gzip"), (ParquetBatcher, "parquet")]
)
def test_what_taps_of_the_sdk_write_is_read(
    warehouse: Warehouse, tmp_path: Path, batcher: Any, kind: str
) -> None:
    encoding = BaseBatchFileEncoding(**FORMATS[kind])
    config = BatchConfig(encoding, StorageTarget(tmp_path.as_uri()), batch_size=15)
    manifests = list(batcher("tap", "t", config).get_batches(iter(ROWS)))
    assert len(manifests) == 3
    assert warehouse.load(SCHEMA, *(batch(kind, *one) for one in manifests)).error is None
    assert [row["id"] for row in warehouse.rows("t")] == list(range(40))


@pytest.mark.parametrize("kind", FORMATS)
def test_bad_records_in_a_file_are_rejected_one_by_one(
    warehouse: Warehouse, tmp_path: Path, kind: str
) -> None:
    rows = [row | {"at": "now"} if row["id"] in (3, 4, 30) else row for row in ROWS]
    (tmp_path / "a").write_bytes(written(rows, kind))
    message = batch(kind, tmp_path / "a")
    assert warehouse.load(SCHEMA, message, on_invalid_record="quarantine").error is None
    assert len(warehouse.rows("t")) == len(ROWS) - 3
    found = warehouse.rows("t__rejected", "source_key, error_path, payload", "source_key")
    assert [one["source_key"] for one in found] == ["run-1#2:31", "run-1#2:4", "run-1#2:5"]
    assert {one["error_path"] for one in found} == {"$.at"}
    assert warehouse.load_row("t")["rows_rejected"] == 3
    failed = warehouse.load(SCHEMA, message, state(t=1))
    assert str(failed.error).startswith("stream t, line 2:4 of the messages, $.at: ")
    assert failed.states == []


@pytest.mark.parametrize("kind", FORMATS)
def test_older_rows_of_a_file_are_stale_and_repeated_ones_are_folded(
    warehouse: Warehouse, tmp_path: Path, kind: str
) -> None:
    warehouse.load(SCHEMA, record("t", **ROWS[1] | {"_sdc_lsn": 99, "v": "newer"}))
    (tmp_path / "a").write_bytes(written([*ROWS, ROWS[2] | {"v": "last", "_sdc_lsn": 3}], kind))
    assert warehouse.load(SCHEMA, batch(kind, tmp_path / "a", version=7)).error is None
    assert [row["v"] for row in warehouse.rows("t")][1:3] == ["newer", "last"]
    assert warehouse.value("select count(*) from raw.t where _sdc_table_version = 7") == 39


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        ("gzip", None, "No such file"),
        ("gzip", written(ROWS, "gzip")[:-20], "ended before"),
        ("gzip", written(ROWS, "plain"), "Not a gzipped file"),
        ("plain", written(ROWS, "plain")[:-20], "whose record 40 is not JSON"),
        ("plain", b'{"id": 1}\n\n[5]\n', "whose record 2 is no RECORD message"),
        ("plain", b'{"id": 1}{"id": 2}\n', "whose record 1 is not JSON"),
        ("parquet", None, "No such file"),
        ("parquet", b"", "Parquet file size is 0 bytes"),
        ("parquet", written(ROWS, "parquet")[:-20], "Parquet magic bytes not found"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line_and_no_state_passes_it(
    warehouse: Warehouse, tmp_path: Path, kind: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "a").write_bytes(content)
    (tmp_path / "good").write_bytes(written(ROWS[:2], kind))
    result = warehouse.load(
        SCHEMA,
        batch(kind, tmp_path / "good"),
        state(t=2),
        batch(kind, tmp_path / "a"),
        state(t=40),
    )
    assert result.exit_code == ExitCode.CONTRACT_EXCEEDED
    assert str(result.error).startswith(f"line 4 of the messages names the file {tmp_path}/a, ")
    assert said in str(result.error)
    assert "\n" not in str(result.error)
    assert result.states == [{"bookmarks": {"t": 2}}]
    assert {0, 1} <= {row["id"] for row in warehouse.rows("t")}


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (batch("plain", "ftp://a/b"), "ftp: is not a place this target knows"),
        (
            batch("plain", "a") | {"encoding": {"format": "avro"}},
            "written as avro with compression",
        ),
        (batch("plain") | {"manifest": None}, "is no BATCH message"),
    ],
)
def test_a_batch_that_nothing_can_be_made_of_is_refused(
    warehouse: Warehouse, message: Json, said: str
) -> None:
    result = warehouse.load(SCHEMA, message, state(t=1))
    assert said in str(result.error)
    assert str(result.error).startswith("line 2 of the messages ")
    assert result.states == []


def test_records_and_files_of_a_stream_keep_their_order(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    plain = schema("t", {"id": {"type": "integer"}, "v": {"type": "string"}})
    (tmp_path / "a").write_bytes(b'{"id": 1, "v": "file"}\n{"id": 2, "v": "file"}')
    before, after = record("t", id=1, v="before"), record("t", id=2, v="after")
    assert warehouse.load(plain, before, batch("plain", tmp_path / "a"), after).error is None
    assert [row["v"] for row in warehouse.rows("t")] == ["file", "after"]


def test_all_kinds_of_columns_come_out_of_parquet(warehouse: Warehouse, tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": pa.array([1, 2, 3], pa.int16()),
            "n": pa.array([0.1, float("nan"), 1e20]),
            "d": pa.array([Decimal("1.00"), None, Decimal("3.00")]),
            "word": pa.array(["x", None, "x"]).dictionary_encode(),
            "day": pa.array([0, 1, None]).cast(pa.int32()).cast(pa.date32()),
            "at": pa.array([0, None, 1_500]).cast(pa.timestamp("ms", "Asia/Kolkata")),
            "map": pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int64())),
            "lists": [[[1], []], [], None],
            "ok": [True, None, False],
        }
    )
    parquet.write_table(table, tmp_path / "a")
    shape = {"id": "integer", "n": "number", "d": "number", "word": "string", "ok": "boolean"}
    columns: Json = {name: {"type": [kind, "null"]} for name, kind in shape.items()}
    columns |= {"day": {"type": ["string", "null"], "format": "date"}, "map": {}, "lists": {}}
    columns |= {"at": {"type": ["string", "null"], "format": "date-time"}}
    assert warehouse.load(schema("t", columns), batch("parquet", tmp_path / "a")).error is None
    found = warehouse.rows("t", "id, n::text, d::text, word, day::text, at::text, map, lists, ok")
    assert [list(one.values()) for one in found] == [
        [1, "0.1", "1.00", "x", "1970-01-01", "1970-01-01 00:00:00+00", {"a": 1}, [[1], []], True],
        [2, "NaN", None, None, "1970-01-02", None, {}, [], None],
        [
            3,
            "100000000000000000000",
            "3.00",
            "x",
            None,
            "1970-01-01 00:00:01.5+00",
            None,
            None,
            False,
        ],
    ]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_feed_in_files_gives_the_table_of_the_model(
    shared_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """JSONL with partial rows; Parquet, which has none, with columns of one type."""
    kind = data.draw(st.sampled_from(sorted(FORMATS)))
    is_parquet = kind == "parquet"
    shape = data.draw(shapes())
    if is_parquet:
        plain = {
            name: "text" if KINDS[one][0].get("type") in ("array", "object", None) else one
            for name, one in shape.others.items()
        }
        shape = type(shape)(shape.keys, plain, frozenset(), shape.has_lsn)
    events = data.draw(feeds(shape, full=is_parquet))
    mode, size = data.draw(MODES), data.draw(SIZES)
    cut = data.draw(st.integers(0, len(events)))
    folder = tmp_path_factory.mktemp("files")
    messages = []
    for name, part in (("a", events[:cut]), ("b", events[cut:])):
        rows = [event.message(shape)["record"] for event in part]
        if rows:
            (folder / name).write_bytes(written(rows, kind))
            messages.append(batch(kind, folder / name))
    sent = [shape.schema(late=True), *messages]
    try:
        result = shared_warehouse.load(*sent, delete_mode=mode, batch_size_rows=size)
        assert result.error is None
        assert held(shared_warehouse, shape) == Table(mode).apply(events).expected(shape)
    finally:
        with contextlib.suppress(Exception):
            clear(shared_warehouse)
