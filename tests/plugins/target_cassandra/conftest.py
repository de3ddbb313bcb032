"""A target that tests call with messages, in this process or as a process of its own."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

from fixtures.singer import Torn
from singer_kit.errors import ConnectorError
from target_cassandra import TargetCassandra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fixtures.fix_cassandra import Keyspace
    from mixtape.services.cassandra import Cassandra

EXECUTABLE = Path(sys.executable).with_name("target-cassandra")

Json = dict[str, Any]


def schema(stream: str, properties: Json, keys: Iterable[str] = ("id",)) -> Json:
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"type": "object", "properties": properties},
        "key_properties": list(keys),
    }


def record(stream: str, **fields: Any) -> Json:
    return {"type": "RECORD", "stream": stream, "record": fields}


def state(**bookmarks: Any) -> Json:
    return {"type": "STATE", "value": {"bookmarks": bookmarks}}


def lines(messages: Iterable[Json | str | bytes]) -> bytes:
    """Return messages as a tap writes them; text and bytes go in as they are."""
    out = []
    for message in messages:
        if isinstance(message, dict):
            out.append(json.dumps(message, ensure_ascii=False).encode())
        else:
            out.append(message if isinstance(message, bytes) else message.encode())
    return b"".join(line + b"\n" for line in out)


def until(condition: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail("what was waited for did not come")
        time.sleep(0.01)


@dataclass
class Result:
    """How a load ended."""

    states: list[Json]
    error: ConnectorError | None = None
    exit_code: int = 0
    log: str = field(default="", repr=False)

    @property
    def last_line(self) -> Json:
        found: Json = json.loads(self.log.splitlines()[-1])
        return found


class Serving:
    """A keyspace, a target that loads into it, and a look at what it holds."""

    def __init__(self, keyspace: Keyspace, **config: Any) -> None:
        self.keyspace = keyspace
        self.config: Json = {
            **keyspace.settings,
            "run_id": "run-1",
            "create_tables": True,
            "lock_seconds": 3,
            **config,
        }

    def load(self, *messages: Json | str | bytes, **config: Any) -> Result:
        """Load in this process, in pieces; what ended it comes back instead of being raised."""
        return self.load_torn(Torn(lines(messages)), **config)

    def load_torn(self, source: Torn, **config: Any) -> Result:
        """Load as :meth:`load` does, in these pieces."""
        printed = io.StringIO()
        error = None
        with contextlib.redirect_stdout(printed):
            target = TargetCassandra(config=self.config | config)
            try:
                target.listen(source)  # type: ignore[arg-type]
            except ConnectorError as raised:
                error = raised
        states = [json.loads(line) for line in printed.getvalue().splitlines()]
        return Result(states, error, error.exit_code if error else 0)

    def start(
        self, folder: Path, source: IO[bytes] | None = None, *options: str, **config: Any
    ) -> subprocess.Popen[bytes]:
        """Start a target of its own; it reads ``source``, or what is written to it."""
        path = folder / f"config-{len(list(folder.iterdir()))}.json"
        path.write_text(json.dumps(self.config | config))
        return subprocess.Popen(
            [EXECUTABLE, "--config", str(path), *options],
            stdin=source or subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LOGLEVEL": "INFO"},
        )

    def run(self, folder: Path, messages: bytes, *options: str, **config: Any) -> Result:
        """Load in a process of its own."""
        with self.start(folder, None, *options, **config) as process:
            out, err = process.communicate(messages, timeout=240)
        states = [json.loads(line) for line in out.splitlines() if line.startswith(b'{"')]
        return Result(states, None, process.returncode, err.decode())

    def rows(self, table: str, columns: str = "*", where: str = "") -> list[Json]:
        """Return a table's rows as plain values, those of a partition in clustering order."""
        query = f'SELECT {columns} FROM {{}}."{table}" {where}'
        return [
            {name: plain(value) for name, value in row.items()}
            for row in self.keyspace.execute(query)
        ]


def plain(value: Any) -> Any:
    """Return a value of the driver's as JSON would have it."""
    if isinstance(value, dt.datetime):
        return value.isoformat() + "Z"
    if isinstance(value, list | tuple) and not hasattr(value, "_asdict"):
        return [plain(one) for one in value]
    if hasattr(value, "_asdict"):
        return {name: plain(one) for name, one in value._asdict().items()}
    if isinstance(value, int | float | str | bool | bytes | None):
        return value
    return str(value)


@pytest.fixture
def serving(keyspace: Keyspace) -> Serving:
    return Serving(keyspace)


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """A target in this process takes over signals: give them back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def coordinated(node: Cassandra, keyspace: str) -> int:
    """Return how often a node was asked to write into a keyspace, by its own count."""
    query = "SELECT keyspace_name, count FROM system_views.coordinator_write_latency"
    with node.session() as local:
        return sum(count for name, count in local.execute(query) if name == keyspace)
