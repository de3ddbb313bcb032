"""Writes in unlogged batches: full, and below what makes a server warn."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_cassandra import packing, requests
from target_cassandra.requests import Write

from .conftest import record, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Json, Serving

WARNED = re.compile(r"is of size (\d+)")
DELETED = "2026-01-01T00:00:00Z"


class Ring:
    """Partitions are owned by what their first byte says."""

    def group(self, partition: bytes) -> int:
        return partition[0]


WRITES = st.lists(
    st.builds(
        lambda size, group, key: Write(b"", size, bytes((group, key)), 0),
        st.integers(1, 5) | st.integers(1, 150),
        st.integers(0, 2),
        st.integers(0, 40),
    ),
    max_size=200,
)


@given(WRITES)
def test_every_write_goes_once_with_its_own_group_in_batches_that_no_server_warns_of(
    writes: list[Write],
) -> None:
    sent: list[int] = []
    for group, batch in packing.batches(writes, Ring(), 100):  # type: ignore[arg-type]
        assert {write.partition[0] for write in batch} == {group}
        assert len({write.partition for write in batch}) <= 10
        assert sum(write.size for write in batch) <= 100 or len(batch) == 1
        sent += map(id, batch)
    assert sorted(sent) == sorted(map(id, writes))


def test_room_that_one_write_leaves_is_given_to_a_later_one() -> None:
    sizes = [60, 70, 40, 30] * 10
    writes = [Write(b"", size, b"\x00\x01", 0) for size in sizes]
    found = [batch for _, batch in packing.batches(writes, Ring(), 100)]  # type: ignore[arg-type]
    assert {sum(write.size for write in batch) for batch in found} == {100}


def test_no_batch_has_more_partitions_than_a_server_likes() -> None:
    writes = [Write(b"", 1, bytes((0, key % 25)), 0) for key in range(50)]
    found = [batch for _, batch in packing.batches(writes, Ring(), 100)]  # type: ignore[arg-type]
    assert max(len({write.partition for write in batch}) for batch in found) == 10


def rows(**more: Any) -> list[Json]:
    """Return rows long enough that a server warns of all in one batch.

    It never warns of a batch of one partition.
    """
    text = "ü" * 600
    return [
        record("t", band=f"Ümlaut {n}", year=1979, id=f"{n}-{text}", tags=["a", "ü"], **more)
        for n in range(8)
    ]


SCHEMA = schema(
    "t",
    {
        "band": {"type": "string"},
        "year": {"type": "integer"},
        "id": {"type": "string"},
        "title": {"type": ["string", "null"]},
        "tags": {"type": "array", "items": {"type": ["string", "null"]}},
        "_sdc_lsn": {"type": "integer"},
        "_sdc_deleted_at": {"type": ["string", "null"]},
    },
    ("band", "year", "id"),
)
CASES = {
    "rows": rows(title="t" * 300, _sdc_lsn=1),
    "nulls": rows(title=None, _sdc_lsn=1),
    "deletions": rows(_sdc_lsn=2, _sdc_deleted_at=DELETED),
}
ALONE = {"partition_key": ["band"], "clustering_key": [{"name": "year"}, {"name": "id"}]}
TOGETHER = {"partition_key": ["band", "year"], "clustering_key": [{"name": "id"}]}
TABLES = {
    "one column": ALONE,
    "two columns": TOGETHER,
    "one column, expires": ALONE | {"ttl_seconds": 1000},
    "two columns, expires": TOGETHER | {"ttl_seconds": 1000},
}
"""By what partitions are told apart."""


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("case", CASES)
def test_a_server_thinks_a_batch_as_large_as_we_do(
    case: str,
    table: str,
    serving: Serving,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {"stream": "t", "table": "t", "columns": ["title", "tags"]}
    serving.config["tables"] = [known | TABLES[table]]
    estimates: list[int] = []

    def noted(*given: Any) -> Iterator[tuple[int, list[Write]]]:
        for group, batch in packing.batches(*given):
            estimates.append(sum(write.size for write in batch))
            yield group, batch

    monkeypatch.setattr(requests, "batches", noted)
    with caplog.at_level(logging.WARNING, "target-cassandra"):
        result = serving.load(
            SCHEMA, *CASES[case], state(t=1), max_batch_bytes=40_000, null_handling="null"
        )
    assert result.error is None
    said = [one.getMessage() for one in caplog.records if one.name == "target-cassandra"]
    assert [int(size) for text in said for size in WARNED.findall(text)] == estimates
