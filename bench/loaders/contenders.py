"""Who loads: our target, its peers in environments of their own, and the floor.

Each has a schema of its own in one database and is given the same input. Settings that are not
named here are the peer's defaults.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import psycopg
from psycopg import conninfo, sql

from mixtape.services.postgres import psql

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loaders.cases import Case, Stream

HERE = Path(__file__).parent
LOCKS = HERE / "locks"
OURS = "mixtape"


@dataclass(frozen=True)
class Command:
    """A process to time, with what it reads and the environment it needs."""

    arguments: list[str]
    env: Mapping[str, str]
    stdin: Path | None = None


class Contender(Protocol):
    """Something that loads a case into its own schema."""

    @property
    def name(self) -> str:
        """What it is called in the table and the chart."""
        ...

    @property
    def schema(self) -> str:
        """Where its tables are."""
        ...

    def command(self, case: Case, scratch: Path) -> Command:
        """Return what loads ``case``; it may write its configuration below ``scratch``."""
        ...


@dataclass(frozen=True)
class SingerTarget:
    """A Singer target: messages on standard input, a configuration file."""

    name: str
    schema: str
    program: Path
    settings: Mapping[str, Any]

    def command(self, case: Case, scratch: Path) -> Command:
        """Return the target's own command line."""
        config = scratch / f"{self.schema}.json"
        config.write_text(json.dumps(self.settings))
        return Command([str(self.program), "--config", str(config)], {}, case.messages)


@dataclass(frozen=True)
class Dlt:
    """dlt's merge from JSON lines: it speaks no Singer, so it reads the plain records."""

    name: str
    schema: str
    python: Path
    uri: str

    def command(self, case: Case, scratch: Path) -> Command:
        """Return the command that runs `dlt_load.py` in dlt's environment."""
        env = {
            "DESTINATION__POSTGRES__CREDENTIALS": self.uri,
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "DLT_DATA_DIR": str(scratch / self.schema),
        }
        feeds = [f"{one.name}={one.key}={case.lines[one.name]}" for one in case.streams]
        script = str(HERE / "dlt_load.py")
        return Command([str(self.python), script, self.schema, *feeds], env)


@dataclass(frozen=True)
class Floor:
    r"""psql, given COPY text that is ready: `\copy` into a table like ours, keys and all.

    Where the table has rows, the same guarded upsert from a temporary table that the target
    itself runs. It needs our own load of the case to be there: that is where the text comes from.
    """

    uri: str
    name: str = r"psql, ready-made text"
    schema: str = "floor"

    def command(self, case: Case, scratch: Path) -> Command:
        """Write the text and the script; empty the tables unless the case goes on from one."""
        script = scratch / "floor.sql"
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute("create schema if not exists floor")
            parts = [self._prepare(connection, case, one, scratch) for one in case.streams]
        script.write_text("\\set ON_ERROR_STOP on\n" + "".join(parts))
        return Command([str(psql()), self.uri, "-Xqf", str(script)], {})

    def _prepare(
        self, connection: psycopg.Connection, case: Case, stream: Stream, scratch: Path
    ) -> str:
        text = scratch / f"ready.{stream.name}.copy"
        ours, floor = sql.Identifier(OURS, stream.name), sql.Identifier(self.schema, stream.name)
        with (
            text.open("wb") as file,
            connection.cursor() as cursor,
            cursor.copy(sql.SQL("copy {} to stdout").format(ours)) as copy,
        ):
            file.writelines(copy)
        name = floor.as_string(connection)
        if case.after is None:
            connection.execute(sql.SQL("drop table if exists {}").format(floor))
            connection.execute(
                sql.SQL("create table {} (like {} including all)").format(floor, ours)
            )
            return f"\\copy {name} from '{text}'\n"
        described = connection.execute(sql.SQL("select * from {} limit 0").format(floor))
        columns = [sql.Identifier(one.name) for one in described.description or ()]
        changes = sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(one) for one in columns)
        upsert = sql.SQL(
            "insert into {floor} as stored select * from staged"
            " on conflict ({key}) do update set {changes}"
            " where stored._sdc_lsn is null"
            " or coalesce(excluded._sdc_lsn >= stored._sdc_lsn, false);"
        ).format(floor=floor, key=sql.Identifier(stream.key), changes=changes)
        return (
            f"begin;\ncreate temporary table staged (like {name}) on commit drop;\n"
            f"\\copy staged from '{text}'\n{upsert.as_string(connection)}\ncommit;\n"
        )


def contenders(root: Path, uri: str) -> list[Contender]:
    """Return everyone, with the peers' environments made below ``root``; the floor comes last."""
    python = {lock.stem: environment(root, lock) for lock in sorted(LOCKS.glob("*.txt"))}
    at = place(uri)
    meltanolabs = python["meltanolabs"].parent / "target-postgres"
    quick = {"use_copy": True, "validate_records": False, "batch_size_rows": 50_000}
    pipelinewise = {**at, "dbname": at["database"], "batch_size_rows": 50_000}

    def singer(name: str, schema: str, program: Path, settings: Mapping[str, Any]) -> SingerTarget:
        return SingerTarget(name, schema, program, {**settings, "default_target_schema": schema})

    return [
        singer("mixtape", OURS, Path(sys.executable).parent / "target-postgres", at),
        singer("MeltanoLabs 0.8.1, tuned", "meltanolabs_tuned", meltanolabs, {**at, **quick}),
        singer("MeltanoLabs 0.8.1, defaults", "meltanolabs", meltanolabs, at),
        singer(
            "PipelineWise 2.1.2, batches of 50,000",
            "pipelinewise",
            python["pipelinewise"].parent / "target-postgres",
            pipelinewise,
        ),
        Dlt("dlt 1.31, merge", "dlt", python["dlt"], uri),
        Floor(uri),
    ]


def environment(root: Path, lock: Path) -> Path:
    """Return the Python of an environment that holds exactly what ``lock`` says."""
    home = root / "environments" / lock.stem
    python, stamp = home / "bin" / "python", home / "lock.txt"
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        uv = str(Path(sys.executable).parent / "uv")
        subprocess.run(
            [uv, "venv", "--quiet", "--clear", "--python", "3.11", str(home)], check=True
        )
        sync = [
            uv,
            "pip",
            "sync",
            "--quiet",
            "--require-hashes",
            "--python",
            str(python),
            str(lock),
        ]
        subprocess.run(sync, check=True)
        stamp.write_bytes(lock.read_bytes())
    return python


def place(uri: str) -> dict[str, Any]:
    """Return the settings that lead a target to the database at ``uri``."""
    parts = conninfo.conninfo_to_dict(uri)
    return {
        "host": parts["host"],
        "port": int(parts["port"] or 5432),
        "user": parts["user"],
        "password": parts["password"],
        "database": parts["dbname"],
    }
