"""Requests that are not answered as they should be: each is sent again until it is written."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest
from cassandra import ConsistencyLevel

from mixtape.services.cassandra import Cassandra
from target_cassandra import wire
from target_cassandra.lanes import Lanes

from .conftest import record, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psutil import Process

    from mixtape.services.cassandra import GivenCassandra

    from .conftest import Json, Serving

SCHEMA = schema("t", {"id": {"type": "integer"}, "name": {"type": "string"}})
ROWS = 300


def messages() -> list[Json]:
    return [SCHEMA, *(record("t", id=n, name=f"n{n}") for n in range(ROWS)), state(t=ROWS)]


def assert_all_written(serving: Serving) -> None:
    assert {row["id"]: row["name"] for row in serving.rows("t")} == {
        n: f"n{n}" for n in range(ROWS)
    }


@pytest.fixture
def process(cassandra: Cassandra | GivenCassandra) -> Iterator[Process]:
    """The server, to be held up for a while."""
    if not isinstance(cassandra, Cassandra):
        pytest.fail("a server of this run's own is needed, for it is held up")
    [found] = cassandra.processes()
    yield found
    found.send_signal(signal.SIGCONT)


def test_what_is_not_answered_in_time_is_sent_again(
    serving: Serving, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving.load(SCHEMA)
    lost: list[int] = []

    def send(self: Lanes, *given: Any) -> bool:
        # The server takes requests in, and does not even look at them.
        process.send_signal(signal.SIGSTOP)
        return sent(self, *given)

    def give_up(self: Lanes) -> None:
        before = len(self._sent)
        given_up(self)
        if len(self._sent) < before:
            lost.append(before - len(self._sent))
            patched.setattr(Lanes, "send", sent)
            process.send_signal(signal.SIGCONT)

    sent, given_up = Lanes.send, Lanes.give_up
    with monkeypatch.context() as patched:
        patched.setattr(Lanes, "send", send)
        patched.setattr(Lanes, "give_up", give_up)
        result = serving.load(*messages(), request_timeout_seconds=2)
    assert result.error is None
    assert result.states == [state(t=ROWS)["value"]]
    assert lost
    assert_all_written(serving)


def test_a_statement_that_the_server_has_forgotten_is_prepared_again(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving.load(SCHEMA)
    answers: list[bool] = []
    changed = iter(["ALTER TABLE {}.t ADD more text"])

    def send(self: Lanes, batch: bytes, hosts: Any, answered: Any) -> bool:
        for statement in changed:
            # A server forgets what it has prepared when a table changes.
            serving.keyspace.execute(statement)

        def told(is_written: bool, warnings: Any) -> None:
            answers.append(is_written)
            answered(is_written, warnings)

        return sent(self, batch, hosts, told)

    sent = Lanes.send
    with monkeypatch.context() as patched:
        patched.setattr(Lanes, "send", send)
        result = serving.load(*messages())
    assert result.error is None
    assert False in answers
    assert_all_written(serving)


def test_a_request_that_is_told_of_twice_stands_for_no_other(
    serving: Serving, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the driver does: when its time is up, and when it is answered after all."""
    serving.load(SCHEMA)
    first: list[Any] = []
    goes_on = threading.Timer(1, process.send_signal, [signal.SIGCONT])

    def send(self: Lanes, batch: bytes, hosts: Any, answered: Any) -> bool:
        if not first:
            first.append(answered)
            # Of what is sent from now on, only the first is told of, again and again.
            process.send_signal(signal.SIGSTOP)
            goes_on.start()
        is_sent = sent(self, batch, hosts, answered)
        first[0](True, ())  # noqa: FBT003 - a callback's
        return is_sent

    sent = Lanes.send
    with monkeypatch.context() as patched:
        patched.setattr(Lanes, "send", send)
        result = serving.load(*messages(), max_batch_bytes=1)
    goes_on.join()
    assert result.error is None
    assert result.states == [state(t=ROWS)["value"]]
    assert_all_written(serving)


def test_no_more_requests_are_under_way_than_asked_for(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving.load(SCHEMA)
    lock = threading.Lock()
    open_now, most = 0, 0

    def send(self: Lanes, batch: bytes, hosts: Any, answered: Any) -> bool:
        nonlocal open_now, most
        with lock:
            open_now += 1
            most = max(most, open_now)

        def told(is_written: bool, warnings: Any) -> None:
            nonlocal open_now
            with lock:
                open_now -= 1
            answered(is_written, warnings)

        return sent(self, batch, hosts, told)

    sent = Lanes.send
    found = []
    with monkeypatch.context() as patched:
        patched.setattr(Lanes, "send", send)
        for asked in (3, 200):
            # Each row is a batch of its own.
            one = {"max_concurrent_requests": asked, "max_batch_bytes": 1}
            assert serving.load(*messages(), **one).error is None
            found.append(most)
            most = 0
    assert found[0] <= 3 < found[1] <= 200
    assert_all_written(serving)


def test_a_batch_is_as_the_protocol_says() -> None:
    entry = wire.begin(b"id", 1) + b"\x00\x00\x00\x01v"
    frame = wire.frame(wire.body([entry], ConsistencyLevel.LOCAL_QUORUM), 7)
    head, body = frame[:9], frame[9:]
    assert head == b"\x04\x00\x00\x07\x0d" + len(body).to_bytes(4, "big")
    # Unlogged, one of them, prepared, its id, one value; LOCAL_QUORUM and no flags.
    assert body == b"\x01\x00\x01\x01\x00\x02id\x00\x01\x00\x00\x00\x01v\x00\x06\x00"
