"""A target's input, wherever the pieces that it comes in end: every message once, none too late."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.singer import Torn
from singer_kit.messages import MessageReader
from singer_kit.shutdown import Shutdown

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]


class Recorder:
    """A loader that keeps what it is given, each record with its line."""

    def __init__(self) -> None:
        self.records_in: dict[int, Json] = {}
        self.blocks = 0
        self.states: list[tuple[int, list[int]]] = []
        """The line of each STATE, and the lines of the records that came before it."""

    def schema(self, line: int, message: Json) -> None:
        """Take none."""

    def block(self, line: int, name: str, block: bytes) -> int:
        """Take lines if all of them are this stream's."""
        try:
            messages = [json.loads(text) for text in block.split(b"\n")]
        except ValueError:
            return 0
        if any(one["type"] != "RECORD" or one["stream"] != name for one in messages):
            return 0
        self.blocks += 1
        self._add(range(line, line + len(messages)), messages)
        return len(messages)

    def records(self, name: str, lines: Sequence[bytes], numbers: Sequence[int]) -> None:
        """Take lines of one stream."""
        messages = [json.loads(text) for text in lines]
        assert all(one["type"] == "RECORD" and one["stream"] == name for one in messages)
        self._add(numbers, messages)

    def _add(self, numbers: Sequence[int], messages: Sequence[Json]) -> None:
        for number, message in zip(numbers, messages, strict=True):
            assert number not in self.records_in
            self.records_in[number] = message

    def state(self, line: int, message: Json) -> None:
        """Note what came before."""
        assert message["value"] == {"line": line}
        self.states.append((line, sorted(self.records_in)))

    def activate_version(self, line: int, message: Json) -> None:
        """Take none."""

    def tick(self) -> None:
        """Have nothing to do."""

    def finish(self, *, is_whole: bool) -> None:
        """Have nothing to do."""

    def close(self) -> None:
        """Have nothing to do."""


kinds = st.sampled_from(["a", "a", "b", "c\\d", "STATE", ""])


@given(
    lines=st.lists(kinds, min_size=1, max_size=30),
    compact=st.booleans(),
    ends=st.booleans(),
    data=st.data(),
)
@settings(max_examples=500, deadline=None, database=None)
def test_every_message_comes_once_and_records_before_the_state_behind_them(
    lines: list[str], data: st.DataObject, *, compact: bool, ends: bool
) -> None:
    separators = (",", ":") if compact else (", ", ": ")
    messages: list[Json | None] = []
    for number, kind in enumerate(lines, 1):
        if kind == "STATE":
            messages.append({"type": "STATE", "value": {"line": number}})
        elif kind:
            messages.append({"type": "RECORD", "stream": kind, "record": {"id": number}})
        else:
            messages.append(None)
    texts = [json.dumps(one, separators=separators) if one else "" for one in messages]
    text = "\n".join(texts).encode() + b"\n" * ends
    # A tap writes whole lines, so pieces often end with them.
    borders = [at + 1 for at, byte in enumerate(text) if byte == ord("\n")]
    anywhere = st.integers(0, len(text))
    cut = st.one_of(st.sampled_from(borders), anywhere) if borders else anywhere
    cuts = data.draw(st.lists(cut, max_size=12))

    recorder = Recorder()
    counts = MessageReader(Shutdown(), lambda: recorder).process_lines(Torn(text, cuts), {})

    expected = {
        number: one for number, one in enumerate(messages, 1) if one and one["type"] == "RECORD"
    }
    assert recorder.records_in == expected
    states = [number for number, kind in enumerate(lines, 1) if kind == "STATE"]
    assert [number for number, _ in recorder.states] == states
    for number, before in recorder.states:
        assert before == [one for one in expected if one < number]
    assert counts["RECORD"] == len(expected)
    assert counts["STATE"] == len(states)


def test_records_of_one_stream_are_handed_on_undivided() -> None:
    line = b'{"type": "RECORD", "stream": "a", "record": {}}\n'
    recorder = Recorder()
    cuts = [len(line) * at for at in (10, 20, 30)]
    MessageReader(Shutdown(), lambda: recorder).process_lines(Torn(line * 40, cuts), {})
    assert len(recorder.records_in) == 40
    assert recorder.blocks == 3
