"""A target that tests call with messages, in this process or as a process of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from fixtures.singer import Torn
from singer_kit.errors import ConnectorError
from target_postgres import TargetPostgres

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fixtures.fix_postgres import Database, MakeDatabase

EXECUTABLE = Path(sys.executable).with_name("target-postgres")

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


class Warehouse:
    """A database, a target that loads into it, and a look at what it holds."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.config: Json = {
            **database.settings,
            "default_target_schema": "raw",
            "run_id": "run-1",
        }

    def load(self, *messages: Json | str | bytes, **config: Any) -> Result:
        """Load in this process, in pieces; what ended it comes back instead of being raised."""
        return self.load_torn(Torn(lines(messages)), **config)

    def load_torn(self, source: Torn, **config: Any) -> Result:
        """Load as :meth:`load` does, in these pieces."""
        printed = io.StringIO()
        error = None
        with contextlib.redirect_stdout(printed):
            target = TargetPostgres(config=self.config | config)
            try:
                target.listen(source)  # type: ignore[arg-type]
            except ConnectorError as raised:
                error = raised
        states = [json.loads(line) for line in printed.getvalue().splitlines()]
        return Result(states, error, error.exit_code if error else 0)

    def start(
        self, folder: Path, source: IO[bytes] | None = None, **config: Any
    ) -> subprocess.Popen[bytes]:
        """Start a target of its own; it reads ``source``, or what is written to it."""
        path = folder / f"config-{len(list(folder.iterdir()))}.json"
        path.write_text(json.dumps(self.config | config))
        return subprocess.Popen(
            [EXECUTABLE, "--config", str(path)],
            stdin=source or subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LOGLEVEL": "INFO"},
        )

    def run(self, folder: Path, messages: bytes, **config: Any) -> Result:
        """Load in a process of its own."""
        with self.start(folder, **config) as process:
            out, err = process.communicate(messages, timeout=600)
        states = [json.loads(line) for line in out.splitlines()]
        return Result(states, None, process.returncode, err.decode())

    def rows(self, table: str, columns: str = "*", order: str = "1") -> list[Json]:
        """Return a table's rows, without the loader's own columns."""
        query = f"select {columns} from raw.{table} order by {order}"
        with psycopg.connect(self.database.uri, row_factory=dict_row) as connection:
            connection.execute("set timezone to 'UTC'")
            found = connection.execute(query).fetchall()
        own = {"_sdc_deleted_at", "_sdc_sequence", "_sdc_table_version"}
        own |= {"_sdc_extracted_at", "_sdc_received_at", "_sdc_batched_at"}
        return [
            {name: value for name, value in row.items() if columns != "*" or name not in own}
            for row in found
        ]

    def value(self, query: str) -> Any:
        """Return the one value of a query."""
        with psycopg.connect(self.database.uri) as connection:
            connection.execute("set timezone to 'UTC'")
            row = connection.execute(query).fetchone()
        return row[0] if row else None

    def execute(self, statement: str) -> None:
        with self.database.connect() as connection:
            connection.execute(sql.SQL(statement))

    def types(self, table: str) -> dict[str, str]:
        """Return a table's columns and their types."""
        with self.database.connect() as connection:
            found = connection.execute(
                "select attname, format_type(atttypid, atttypmod) from pg_attribute"
                " where attrelid = %s::regclass and attnum > 0 and not attisdropped",
                (f"raw.{table}",),
            )
            return dict(found.fetchall())

    def load_row(self, stream: str, run: str = "run-1") -> Json:
        """Return a stream's row of ``_sdc_loads``."""
        (row,) = [
            row
            for row in self.rows("_sdc_loads")
            if (row["stream"], row["run_id"]) == (stream, run)
        ]
        return row


@pytest.fixture
def warehouse(database: Database) -> Warehouse:
    return Warehouse(database)


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """A target in this process takes over signals: give them back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def shared_warehouse(make_database: MakeDatabase) -> Iterator[Warehouse]:
    """What the examples of a property test share: a database for each would take too long."""
    made = make_database()
    yield Warehouse(made)
    make_database.drop(str(made.settings["database"]))
