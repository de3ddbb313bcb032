"""Parquet: rows as JSON values, batch by batch, and what cannot be read."""

from __future__ import annotations

import datetime as dt
import io
import tracemalloc
import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from tap_files.formats import BadFileError, Document, read_parquet


def written(columns: dict[str, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, **options)
    return file.getvalue()


ZONE = dt.timezone(dt.timedelta(hours=5, minutes=30))
MOMENT = dt.datetime(2024, 1, 31, 10, 0, 0, 123456, tzinfo=ZONE)
ID = uuid.UUID("2f8a7a3e-5f1c-4b8e-9c39-0f6f2d3f4a5b")


@pytest.mark.parametrize(
    ("values", "arrow", "expected"),
    [
        ([1, None], pa.int8(), [1, None]),
        ([2**64 - 1], pa.uint64(), [2**64 - 1]),
        ([1.5], pa.float64(), [1.5]),
        ([0.5], pa.float16(), [0.5]),
        ([True], pa.bool_(), [True]),
        (["ä"], pa.string(), ["ä"]),
        (["ä"], pa.large_string(), ["ä"]),
        (["a", "b", "a"], pa.dictionary(pa.int8(), pa.string()), ["a", "b", "a"]),
        ([b"\x00\xff"], pa.binary(), ["AP8="]),
        ([Decimal("1.10")], pa.decimal128(10, 2), [Decimal("1.10")]),
        ([dt.date(2024, 1, 31)], pa.date32(), ["2024-01-31"]),
        ([dt.time(10, 0, 0, 5)], pa.time64("us"), ["10:00:00.000005"]),
        ([MOMENT], pa.timestamp("us", "+05:30"), ["2024-01-31T04:30:00.123456Z"]),
        ([MOMENT.replace(tzinfo=None)], pa.timestamp("us"), ["2024-01-31T10:00:00.123456Z"]),
        ([1_000_000_001], pa.timestamp("ns"), ["1970-01-01T00:00:01Z"]),
        ([ID.bytes], pa.uuid(), [str(ID)]),
        ([{"a": 1, "b": [MOMENT]}], None, [{"a": 1, "b": ["2024-01-31T04:30:00.123456Z"]}]),
        ([[("k", 1)]], pa.map_(pa.string(), pa.int32()), [{"k": 1}]),
        ([None], pa.null(), [None]),
    ],
)
def test_values_have_their_json_form(values: list[Any], arrow: Any, expected: list[Any]) -> None:
    data = written({"a": pa.array(values, arrow)})
    found = list(read_parquet([data]))
    assert [document.value["a"] for document in found] == expected
    assert [document.lineno for document in found] == list(range(1, len(values) + 1))


@pytest.mark.parametrize(
    ("arrow", "values", "said"),
    [
        (pa.duration("us"), [1], "column 'a' has the type duration[us]"),
        (pa.map_(pa.int32(), pa.int32()), [[(1, 2)]], "column 'a' has the type map<"),
        (pa.list_(pa.duration("s")), [[1]], "column 'a[]' has the type duration[s]"),
        (pa.struct([("b", pa.duration("s"))]), [{"b": 1}], "column 'a.b' has the type"),
    ],
)
def test_a_type_without_a_json_form_refuses_the_file(
    arrow: Any, values: list[Any], said: str
) -> None:
    with pytest.raises(BadFileError) as raised:
        list(read_parquet([written({"ok": [1], "a": pa.array(values, arrow)})]))
    assert raised.value.code == "parquet_type"
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_two_columns_of_one_name_refuse_the_file() -> None:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array([1])] * 2, names=["a", "a"]), file)
    with pytest.raises(BadFileError, match="two columns have the name 'a'"):
        list(read_parquet([file.getvalue()]))


@pytest.mark.parametrize("cut", [4, 100, -1, -8])
def test_a_file_that_ends_early_is_refused(cut: int) -> None:
    data = written({"a": list(range(1_000))})
    with pytest.raises(BadFileError) as raised:
        list(read_parquet([data[:cut]]))
    assert raised.value.code == "parquet_invalid"
    assert str(raised.value).startswith("row 1: broken Parquet data: ")
    assert "\n" not in str(raised.value)


def test_a_broken_page_costs_what_stands_behind_it() -> None:
    data = bytearray(
        written(
            {"a": [f"row {number}" for number in range(10_000)]},
            row_group_size=1_000,
            compression="snappy",
            use_dictionary=False,
        )
    )
    start = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(5).column(0).data_page_offset
    data[start : start + 200] = b"\xff" * 200
    found: list[Document] = []
    with pytest.raises(BadFileError) as raised:
        found.extend(read_parquet([bytes(data)]))
    assert [document.value["a"] for document in found] == [f"row {n}" for n in range(5_000)]
    assert raised.value.lineno == 5_001


def test_no_bytes_are_no_rows() -> None:
    assert list(read_parquet([])) == []
    assert list(read_parquet([written({"a": pa.array([], pa.int32())})])) == []


def test_memory_does_not_grow_with_the_row_groups() -> None:
    text = ["x" * 1_000] * 1_000
    file = io.BytesIO()
    schema = pa.schema([("n", pa.int64()), ("text", pa.string())])
    with pq.ParquetWriter(file, schema, use_dictionary=False, compression="none") as writer:
        table = pa.concat_tables(
            pa.table({"n": list(range(1_000)), "text": text}) for _ in range(100)
        )
        writer.write_table(table, row_group_size=100_000)
        del table
    data = file.getvalue()
    assert len(data) > 100_000_000
    before = pa.total_allocated_bytes()
    chunks = (data[at : at + 2**20] for at in range(0, len(data), 2**20))
    tracemalloc.start()
    peak = count = 0
    for _ in read_parquet(chunks):
        count += 1
        if count % 10_000 == 0:
            peak = max(peak, pa.total_allocated_bytes() - before)
    python_peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 100_000
    assert peak < 16 * 2**20
    assert python_peak < 32 * 2**20
