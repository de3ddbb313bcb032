"""Answers as they come over a connection: the driver's own way of taking them is the measure."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from cassandra.connection import Connection as DriverConnection
from cassandra.connection import DefaultEndPoint
from cassandra.io.libevreactor import LibevConnection
from cassandra.protocol import ProtocolHandler
from hypothesis import given
from hypothesis import strategies as st

from target_cassandra import wire

VOID = b"\x00\x00\x00\x01"
KEYSPACE = b"\x00\x00\x00\x03" + b"\x00\x03rap"
OVERLOADED = b"\x00\x00\x10\x01" + b"\x00\x04busy"
WARNED = b"\x00\x01" + b"\x00\x05large" + VOID
ANSWERS = {
    "written": (0, 8, VOID),
    "written, with a warning": (8, 8, WARNED),
    "another result": (0, 8, KEYSPACE),
    "an error": (0, 0, OVERLOADED),
}


def answer(kind: str, number: int) -> bytes:
    flags, opcode, body = ANSWERS[kind]
    head = bytes((0x84, flags)) + number.to_bytes(2, "big") + bytes((opcode,))
    return head + len(body).to_bytes(4, "big") + body


def taken(
    kind: type[LibevConnection],
    answers: list[tuple[str, bool]],
    pieces: list[bytes],
    lost: set[int],
) -> tuple[list[tuple[int, str]], list[int], int]:
    """Return who was told what in which order, the numbers given back, and bytes left over."""
    connection: Any = object.__new__(kind)
    DriverConnection.__init__(connection, DefaultEndPoint("127.0.0.1"), protocol_version=4)
    connection.request_ids.clear()
    told = []
    for number, (_, is_ours) in enumerate(answers):
        if number in lost:
            connection.orphaned_request_ids.add(number)
            continue

        def tell(said: Any, number: int = number) -> None:
            warnings = getattr(said, "warnings", None)
            name = "void" if said is wire.VOID else type(said).__name__
            told.append((number, f"{name} {warnings}"))

        decode = wire.decode if is_ours else ProtocolHandler.decode_message
        connection._requests[number] = (tell, decode, None)
    for piece in pieces:
        connection._iobuf.write(piece)
        connection.process_io_buffer()
    assert not connection.is_defunct
    return told, list(connection.request_ids), connection._iobuf.tell()


@given(st.data())
def test_answers_are_taken_as_the_driver_takes_them(data: st.DataObject) -> None:
    written = st.just(("written", True))
    other = st.tuples(st.sampled_from(sorted(ANSWERS)), st.booleans())
    answers = data.draw(st.lists(st.one_of(written, written, other), max_size=12))
    order = data.draw(st.permutations(range(len(answers))))
    lost = data.draw(st.sets(st.sampled_from(order), max_size=2)) if order else set()
    whole = b"".join(answer(answers[number][0], number) for number in order)
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=4).map(sorted))
    pieces = [whole[a:b] for a, b in pairwise([0, *cuts, len(whole)])]
    ours = taken(wire.Connection, answers, pieces, lost)
    assert ours == taken(LibevConnection, answers, pieces, lost)
    assert len(ours[0]) == len(answers) - len(lost)


def test_many_words_that_it_was_written_are_taken_in_one_go(monkeypatch: Any) -> None:
    monkeypatch.setattr(LibevConnection, "process_io_buffer", None)
    answers = [("written", True)] * 300
    whole = b"".join(answer("written", number) for number in range(300))
    told, numbers, left = taken(wire.Connection, answers, [whole], set())
    assert told == [(number, "void None") for number in range(300)]
    assert (numbers, left) == (list(range(300)), 0)
