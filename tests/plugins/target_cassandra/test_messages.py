"""Messages of every kind: what the reading that all targets share hands on to this one."""

from __future__ import annotations

import json
from itertools import accumulate
from typing import TYPE_CHECKING

import pytest

from fixtures.singer import Torn
from singer_kit.errors import ExitCode

from .conftest import lines, record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Json, Serving

SCHEMA = schema("t", {"id": {"type": "integer"}, "name": {"type": "string"}})
TABLE = {"stream": "t", "table": "t", "partition_key": ["id"], "columns": ["name"]}


def test_records_of_batch_files_are_loaded_and_a_bad_one_is_named_by_its_place(
    serving: Serving, tmp_path: Path
) -> None:
    path = tmp_path / "part.jsonl"
    rows: list[Json] = [{"id": n, "name": "a" if n != 3 else 7} for n in range(1, 6)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    batch: Json = {
        "type": "BATCH",
        "stream": "t",
        "encoding": {"format": "jsonl", "compression": "none"},
        "manifest": [path.as_uri()],
    }
    result = serving.load(SCHEMA, batch, state(t=5), on_invalid_record="quarantine")
    assert result.error is None
    assert result.states == [{"bookmarks": {"t": 5}}]
    assert sorted(row["id"] for row in serving.rows("t")) == [1, 2, 4, 5]
    [fault] = serving.rows("t__rejected")
    assert (fault["source_key"], fault["error_path"]) == ("run-1#2:3", "$.name")
    assert json.loads(fault["payload"]) == {"id": 3, "name": 7}


def test_a_line_that_ends_the_load_leaves_what_came_before_it(serving: Serving) -> None:
    result = serving.load(SCHEMA, record("t", id=1, name="a"), state(t=1), "no json", state(t=2))
    assert result.exit_code == ExitCode.CONTRACT_EXCEEDED
    assert "line 4 of the messages is not JSON" in str(result.error)
    assert result.states == [{"bookmarks": {"t": 1}}]
    assert [row["id"] for row in serving.rows("t")] == [1]


def test_a_record_before_its_schema_is_named(serving: Serving) -> None:
    result = serving.load(record("t", id=1, name="a"))
    assert result.exit_code == ExitCode.CONTRACT_EXCEEDED
    assert "line 1 of the messages is of stream 't', which has sent no SCHEMA" in str(result.error)


@pytest.mark.parametrize("taken", ["t", "unread"])
def test_a_stream_that_feeds_no_table_takes_no_record_of_another_with_it(
    serving: Serving, taken: str
) -> None:
    """Wherever a pipe's pieces end, also behind one that held that stream alone."""
    other = "unread" if taken == "t" else "t"
    names = [taken, taken, other, taken, "STATE", other, taken, taken, other, "STATE"]
    told = [
        state(t=n) if name == "STATE" else record(name, id=n, name=name)
        for n, name in enumerate(names)
    ]
    messages = [SCHEMA, SCHEMA | {"stream": "unread"}, *told]
    ends = list(accumulate(len(lines([one])) for one in messages))
    expected = [n for n, name in enumerate(names) if name == "t"]
    for first in range(2, len(messages)):
        serving.keyspace.execute("DROP TABLE IF EXISTS {}.t")
        source = Torn(lines(messages), [ends[1], ends[first]])
        result = serving.load_torn(source, tables=[TABLE])
        assert result.error is None
        assert sorted(row["id"] for row in serving.rows("t")) == expected
        assert result.states[-1] == {"bookmarks": {"t": 9}}
