"""Three nodes: one that goes and comes during a load, and batches that meet their owners."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from cassandra import ConsistencyLevel
from cassandra.protocol import ProtocolHandler
from cassandra.query import QueryTrace, SimpleStatement

from fixtures.fix_cassandra import empty_keyspace
from mixtape.services.cassandra import Cassandra
from target_cassandra import wire
from target_cassandra.wire import frame

from .conftest import Serving, coordinated, until
from .test_recovery import SCHEMA, TABLES, feed, message, messages, newest, position

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from cassandra.cluster import Session

    from fixtures.fix_cassandra import Keyspace

pytestmark = pytest.mark.long

KEYS = 1_000
ROWS = 8_000


@pytest.fixture(scope="module")
def nodes(service_root: Path) -> Iterator[list[Cassandra]]:
    """Three nodes on 127.0.0.1 to .3, the first of which is everybody's seed."""
    # Who may log in is kept on one node by default: asked for at any other while it is down.
    settings = {"authenticator": "AllowAllAuthenticator", "authorizer": "AllowAllAuthorizer"}
    found: list[Cassandra] = []
    with contextlib.ExitStack() as stopped:
        for number in (1, 2, 3):
            node = Cassandra(
                service_root / f"node-{number}",
                host=f"127.0.0.{number}",
                heap="512m",
                seeds=(found[0].storage,) if found else (),
                settings=settings,
                bare=True,
            )
            node.start()
            stopped.callback(node.stop)
            found.append(node)
        yield found


@pytest.fixture(scope="module")
def session(nodes: list[Cassandra]) -> Iterator[Session]:
    with nodes[0].session() as opened:
        until(lambda: sum(host.is_up is True for host in opened.hosts) == 3)
        yield opened


def at_all(serving: Serving, table: str) -> list[tuple[int, str, int]]:
    """Return a table's rows as every replica together holds them."""
    query = f'SELECT id, shelf, "_sdc_lsn" FROM {serving.keyspace.name}.{table}'
    statement = SimpleStatement(query, consistency_level=ConsistencyLevel.ALL)
    return sorted((row[0], row[1], row[2]) for row in serving.keyspace.session.execute(statement))


def loading(keyspace: Keyspace, folder: Path) -> tuple[Serving, subprocess.Popen[bytes]]:
    """Return a target, and the load that has begun to write and waits for more."""
    serving = Serving(keyspace, tables=TABLES, batch_size_rows=500, lock_seconds=60)
    serving.load(SCHEMA)
    loader = serving.start(folder)
    feed(loader, messages(0, ROWS // 4, KEYS))
    until(lambda: serving.rows("by_id", "id", "LIMIT 1"))
    return serving, loader


def test_a_node_that_goes_and_comes_during_a_load_loses_nothing(
    nodes: list[Cassandra], session: Session, tmp_path: Path
) -> None:
    with empty_keyspace(nodes[0], session, replication=3) as keyspace:
        serving, loader = loading(keyspace, tmp_path)
        nodes[2].stop()
        feed(loader, messages(ROWS // 4, ROWS // 2, KEYS))
        nodes[2].start()
        until(lambda: len(up(session)) == 3)
        out, err = loader.communicate(messages(ROWS // 2, ROWS, KEYS))
        assert loader.returncode == 0, err[-2000:]
        assert position(out, 0) == ROWS
        again = serving.start(tmp_path)
        _, err = again.communicate(messages(0, ROWS, KEYS))
        assert again.returncode == 0, err[-2000:]
        for table in ("by_id", "by_shelf"):
            assert at_all(serving, table) == newest(ROWS, KEYS)


def test_a_node_that_comes_back_at_another_address_is_written_to_there(
    nodes: list[Cassandra], session: Session, tmp_path: Path
) -> None:
    """As a pod that is moved: the same node, elsewhere, and nobody tells the loader."""
    moved = nodes[2]
    with empty_keyspace(nodes[0], session, replication=3) as keyspace:
        serving, loader = loading(keyspace, tmp_path)
        moved.stop()
        feed(loader, messages(ROWS // 4, ROWS // 2, KEYS))
        moved.host = "127.0.0.4"
        moved.start()
        until(lambda: up(session) == {node.host for node in nodes})
        out, err = loader.communicate(messages(ROWS // 2, ROWS, KEYS))
        assert loader.returncode == 0, err[-2000:]
        assert position(out, 0) == ROWS
        assert coordinated(moved, keyspace.name) > 0
        again = serving.start(tmp_path)
        _, err = again.communicate(messages(0, ROWS, KEYS))
        assert again.returncode == 0, err[-2000:]
        for table in ("by_id", "by_shelf"):
            assert at_all(serving, table) == newest(ROWS, KEYS)


def up(session: Session) -> set[str]:
    """Return the addresses that the driver knows of now; a session's own list is its first one."""
    return {host.address for host in session.cluster.metadata.all_hosts() if host.is_up}


def test_too_few_replicas_end_a_load_with_one_clear_line_and_no_state(
    nodes: list[Cassandra], session: Session, tmp_path: Path
) -> None:
    with empty_keyspace(nodes[0], session, replication=3) as keyspace:
        serving = Serving(keyspace, tables=TABLES[:1], retry_attempts=3)
        serving.load(SCHEMA)
        nodes[2].stop()
        try:
            until(lambda: len(up(session)) == 2)
            result = serving.run(tmp_path, messages(0, 200, 200), consistency_level="ALL")
        finally:
            nodes[2].start()
        assert result.exit_code == 6
        assert result.states == []
        assert "sent 3 times" in json.loads(result.log.splitlines()[-1])["message"]
        until(lambda: len(up(session)) == 3)


def asking(sent: bytes) -> bytes:
    """Return a frame with the flag that asks for a trace."""
    return sent[:1] + b"\x02" + sent[2:]


def test_no_batch_meets_a_node_that_owns_none_of_it(
    nodes: list[Cassandra], session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The servers' own traces tell: a node that owned none would have to ask another one."""
    with empty_keyspace(nodes[0], session) as keyspace:
        serving = Serving(keyspace, tables=TABLES[:1])
        serving.load(SCHEMA)
        # Each batch asks the server to trace it, and each answer names the trace.
        found: list[UUID] = []

        def traced(*given: Any) -> Any:
            answer = ProtocolHandler.decode_message(*given)
            if answer.trace_id is not None:
                found.append(answer.trace_id)
            return answer

        with monkeypatch.context() as patched:
            patched.setattr(wire, "decode", traced)
            patched.setattr(wire, "frame", lambda *given: asking(frame(*given)))
            rows = [message(n, ROWS) for n in range(400)]
            assert serving.load(SCHEMA, *rows).error is None
        assert len(serving.rows("by_id", "id")) == 400
        assert len(found) > 30
        traces = [QueryTrace(one, session) for one in found]
        for trace in traces:
            trace.populate(max_wait=60, query_cl=ConsistencyLevel.ALL)
        assert len({trace.coordinator for trace in traces}) == 3
        strangers = [
            (trace.coordinator, event.source, event.description)
            for trace in traces
            for event in trace.events
            if event.source != trace.coordinator
        ]
        assert strangers == []
