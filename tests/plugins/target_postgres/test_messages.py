"""Input that is no clean stream of messages."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

import pytest

from fixtures.singer import Torn
from singer_kit.errors import ExitCode

from .conftest import Warehouse, lines, record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = schema("t", {"id": {"type": "integer"}, "v": {"type": "string"}})
ONE = '{"type": "RECORD", "stream": "t", "record": {"id": 2, "v": "b"}}'
GOOD = [SCHEMA, record("t", id=1, v="a"), state(t=1)]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("not json", "is not JSON"),
        ('{"type": "RECORD", "stream": "t", "record": {"id": 2, "v": "cut o', "is not JSON"),
        ('{"type": "RECORD", "stream": "t", "record": {"id": 2}} {"id": 3}', "is not JSON"),
        ('{"type": "RECORD", "stream": "t"}', "is no RECORD message"),
        (f"{ONE},{ONE}", "is not JSON"),
        ('{"type": "RECORD", "stream": "t", "record": {}, "stream": "u"}', "is no RECORD message"),
        ('{"type": "RECORD", "stream": "t", "record": [1]}', "is no RECORD message"),
        ('{"type": "RECORD", "record": {"id": 2}}', "has sent no SCHEMA yet"),
        ('{"type": "RECORD", "stream": "u", "record": {"id": 2}}', "has sent no SCHEMA yet"),
        ('{"stream": "t", "record": {"id": 2}}', "it has no type"),
        ('["RECORD"]', "it has no type"),
        ('{"type": "BATCH", "stream": "t"}', "is no BATCH message"),
        ('{"type": "SQUEEZE", "stream": "t"}', "is a SQUEEZE message"),
        ('{"type": "SCHEMA", "stream": "u"}', "without a stream or a schema"),
        ('{"type": "SCHEMA", "stream": "u", "schema": {}}', "without properties"),
        (
            '{"type":"SCHEMA","stream":"u","schema":{"properties":{"a":{}}},"key_properties":["b"]}',
            "whose key 'b' is no property",
        ),
        (
            '{"type":"SCHEMA","stream":"u","schema":{"properties":{"a":{}}},"key_properties":"a"}',
            "whose key is not a list of names",
        ),
        ('{"type": "STATE"}', "without a value"),
        ('{"type": "STATE", "value": {"a": "\\ud800"}}', "is not JSON"),
        ('{"type": "ACTIVATE_VERSION", "stream": "t"}', "without a stream or a version"),
        (b'{"type": "STATE", "value": {"\xff": 1}}', "is not JSON"),
        ("[" * 100_000, "it has no type"),
    ],
)
def test_a_line_that_is_no_message_ends_the_load_and_is_named(
    warehouse: Warehouse, line: str | bytes, said: str
) -> None:
    result = warehouse.load(*GOOD, line, record("t", id=9, v="z"))
    assert result.exit_code == ExitCode.CONTRACT_EXCEEDED
    assert str(result.error).startswith("line 4 of the messages ")
    assert said in str(result.error)
    assert "\n" not in str(result.error)
    assert result.states == [{"bookmarks": {"t": 1}}]
    assert warehouse.rows("t") == [{"id": 1, "v": "a"}]


@pytest.mark.parametrize("bad", ["nonsense", '{"type":"RECORD","stream":"t","record":{"v":1}}'])
def test_all_that_came_before_the_line_that_ends_the_load_is_committed(
    warehouse: Warehouse, bad: str
) -> None:
    """Also when streams take turns, and no STATE has been between."""
    taking_turns = [record(stream, id=n, v="a") for n in range(10) for stream in "tu"]
    shapes = [SCHEMA, SCHEMA | {"stream": "u"}]
    result = warehouse.load(*shapes, *taking_turns, bad, record("t", id=10, v="a"))
    assert "line 23 of the messages" in str(result.error)
    for name in "tu":
        assert [row["id"] for row in warehouse.rows(name)] == list(range(10))


def test_lines_are_counted_over_blank_ones_and_blocks(warehouse: Warehouse) -> None:
    many = [record("t", id=n, v="x" * 1000) for n in range(1000)]
    result = warehouse.load("", SCHEMA, "  ", *many, "\r", "nonsense")
    assert str(result.error).startswith("line 1005 of the messages ")
    assert warehouse.value("select count(*) from raw.t") == 1000


def test_members_of_a_message_may_come_in_any_order(warehouse: Warehouse) -> None:
    result = warehouse.load(
        SCHEMA,
        '{"record":{"v":"a","id":1},"stream":"t","type":"RECORD"}',
        '{"stream":"t","type":"RECORD","extra":[],"record":{"id":2,"v":"b","v2":"}{"}}',
        ' { "type" : "RECORD" , "stream" : "t" , "record" : { "id" : 3 , "v" : "c" } } \r',
        '{"type":"RECORD","stream":"\\u0074","record":{"id":4,"\\u0076":"d"}}',
        '{"type":"RECORD","stream":"t","record":{"id":5,"v":"first","v":"last"}}',
        schema("u", {"id": {"type": "integer"}}),
        '{"record":{"id":6,"v":"e"},"stream":"t","type":"RECORD"}',
        '{"record":{"id":7},"stream":"u","type":"RECORD"}',
        '{"record":{"id":8,"v":"f"},"stream":"t","type":"RECORD"}',
    )
    assert result.error is None
    assert [row["v"] for row in warehouse.rows("t")] == ["a", "b", "c", "d", "last", "e", "f"]
    assert warehouse.rows("u") == [{"id": 7}]


def test_streams_may_take_turns(warehouse: Warehouse) -> None:
    names = ["a", "b", "a_b"]
    shapes = [schema(name, {"id": {"type": "integer"}}) for name in names]
    rows = [record(name, id=n) for n in range(500) for name in names]
    assert warehouse.load(*shapes, *rows).error is None
    assert [warehouse.value(f"select count(*) from raw.{name}") for name in names] == [500] * 3


def test_streams_may_take_turns_wherever_a_pipes_pieces_end(warehouse: Warehouse) -> None:
    """Also behind a piece that held one stream alone, where the next begins with it."""
    names = ["a", "a", "b", "a", "STATE", "b", "a", "a", "b", "STATE"]
    told = [state(n=n) if name == "STATE" else record(name, id=n) for n, name in enumerate(names)]
    messages = [*(schema(name, {"id": {"type": "integer"}}) for name in "ab"), *told]
    ends = list(accumulate(len(lines([one])) for one in messages))
    for first in range(2, len(messages)):
        source = Torn(lines(messages), [ends[1], ends[first]])
        assert warehouse.load_torn(source).states[-1] == {"bookmarks": {"n": 9}}
        for stream in "ab":
            expected = [n for n, name in enumerate(names) if name == stream]
            assert [row["id"] for row in warehouse.rows(stream)] == expected
            warehouse.execute(f"drop table raw.{stream}")


def test_a_last_line_without_a_line_break_counts(warehouse: Warehouse, tmp_path: Path) -> None:
    whole = lines([*GOOD, record("t", id=2, v="b")])
    assert warehouse.run(tmp_path, whole[:-1]).exit_code == 0
    assert [row["id"] for row in warehouse.rows("t")] == [1, 2]
    cut = warehouse.run(tmp_path, lines([*GOOD, record("t", id=3, v="c")])[:-3])
    assert cut.exit_code == ExitCode.CONTRACT_EXCEEDED
    assert cut.last_line["extra"]["error"] == "MessageError"
    assert cut.last_line["message"].startswith("line 4 of the messages is not JSON")
    assert "Traceback" not in cut.log
