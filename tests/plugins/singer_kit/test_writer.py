"""The writer of messages: the bytes that come out, in order and whole."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib import StateMessage

from singer_kit.writer import FLUSH_BYTES, LineWriter, record_head

if TYPE_CHECKING:
    import pytest

TAIL = b',"_sdc_lsn":1},"time_extracted":"2024-01-01T00:00:00+00:00"}\n'


def test_a_record_is_one_line_with_what_its_file_adds(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    writer = LineWriter()
    writer.write_record(record_head('a"b'), {"text": "line\nbreak 🔥", "n": Decimal("1.10")}, TAIL)
    writer.write_record(record_head("empty"), {}, TAIL)
    assert capfdbinary.readouterr().out == b""
    writer.write_message(StateMessage(value={"at": 1}))
    first, second, third = capfdbinary.readouterr().out.splitlines()
    assert b'"n":1.10,' in first
    assert json.loads(first)["stream"] == 'a"b'
    assert json.loads(first)["record"] == {"text": "line\nbreak 🔥", "n": 1.1, "_sdc_lsn": 1}
    assert json.loads(second)["record"] == {"_sdc_lsn": 1}
    assert json.loads(third) == {"type": "STATE", "value": {"at": 1}}


def test_records_leave_before_they_fill_the_memory(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    writer = LineWriter()
    for _ in range(100):
        writer.write_record(record_head("s"), {"text": "x" * (FLUSH_BYTES // 50)}, TAIL)
    assert capfdbinary.readouterr().out.count(b"\n") >= 50


class Reluctant:
    """Takes a little at a time, as a bare file does that a signal interrupts."""

    def __init__(self) -> None:
        self.taken = b""

    def write(self, data: Any) -> int:
        part = bytes(data[:10])
        self.taken += part
        return len(part)

    def flush(self) -> None: ...


def test_a_write_that_is_cut_short_is_taken_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Text:
        buffer = Reluctant()

        def flush(self) -> None: ...

    monkeypatch.setattr(sys, "stdout", Text())
    writer = LineWriter()
    writer.write_record(record_head("s"), {"text": "x" * 100}, TAIL)
    writer.flush()
    assert json.loads(Text.buffer.taken)["record"]["text"] == "x" * 100
