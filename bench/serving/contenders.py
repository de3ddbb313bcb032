"""Who fills the tables: our target, the DataStax driver's own helper, and cqlsh.

Each has a keyspace of its own on one node. The other two are given ready-made rows, read from
what our own load left; ours reads Singer messages.
"""

from __future__ import annotations

import csv
import json
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import yaml
from loaders.contenders import environment
from measure import timed

from mixtape.paths import project_root
from mixtape.services.cassandra import DATACENTER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cassandra.cluster import Session
    from loaders.cases import Case as Feed
    from measure import Figures

    from mixtape.services.cassandra import Cassandra

HERE = Path(__file__).parent
OURS = "mixtape"


@dataclass(frozen=True)
class Case:
    """One table to be filled from the lyrics."""

    table: str
    title: str
    goal: float
    """How many times as fast as the driver's helper ours is meant to be."""


CASES = (
    Case("lyrics_by_id", "lyrics_by_id, whose keys cannot change", 5),
    Case("lyrics_by_artist", "lyrics_by_artist, previous positions read", 2.5),
)


ALL = tuple(case.table for case in CASES)


class Contender(Protocol):
    """Something that fills a table in its own keyspace."""

    @property
    def name(self) -> str:
        """What it is called in the table."""
        ...

    @property
    def keyspace(self) -> str:
        """Where its tables are."""
        ...

    @property
    def is_flat(self) -> bool:
        """Whether it is given spaces for line breaks."""
        ...

    @property
    def tables(self) -> tuple[str, ...]:
        """What it fills."""
        ...

    @property
    def most_rounds(self) -> int | None:
        """In how many rounds it takes part; None for all."""
        ...

    def take(self, case: Case) -> None:
        """Make what :meth:`load` reads of what our own load has left."""

    def load(self, case: Case, figures: Figures) -> None:
        """Fill the empty table and add what that took."""

    def empty(self, case: Case) -> None:
        """Remove what was loaded: the node is not to write it out in another's time."""


class Place:
    """One keyspace on the node, with the project's tables."""

    def __init__(self, node: Cassandra, session: Session, keyspace: str) -> None:
        self.node = node
        self.session = session
        self.keyspace = keyspace
        session.execute(
            f"CREATE KEYSPACE {keyspace} WITH replication = "
            f"{{'class': 'NetworkTopologyStrategy', '{DATACENTER}': 1}}"
        )
        script = project_root() / "orchestrate" / "deploy" / "cassandra" / "tables.cql"
        session.set_keyspace(keyspace)
        for statement in script.read_text(encoding="utf-8").split(";\n"):
            if statement.strip():
                session.execute(statement)

    def empty(self, *tables: str) -> None:
        """Remove all rows of some tables."""
        for table in tables:
            self.session.execute(f"TRUNCATE {self.keyspace}.{table}", timeout=120)

    def rows(self, keyspace: str, table: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Return a table's columns and its rows, user-defined types as plain tuples."""
        result = self.session.execute(f"SELECT * FROM {keyspace}.{table}", timeout=120)
        names = list(result.column_names)
        return names, [tuple(map(_plain, row)) for row in result]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [tuple(one) if isinstance(one, tuple) else one for one in value]
    return value


def compiled(scratch: Path) -> dict[str, str]:
    """Return the environment, in which modules are compiled once, as they are in the image."""
    said = {**os.environ, "PYTHONPYCACHEPREFIX": str(scratch / "compiled")}
    said.pop("PYTHONDONTWRITEBYTECODE", None)
    return said


class Mixtape:
    """target-cassandra with the project's own settings for one table."""

    name = "target-cassandra, from Singer messages"
    is_flat = False
    tables = ALL
    most_rounds = None

    def __init__(self, place: Place, scratch: Path, feed: Feed) -> None:
        self._place = place
        self._scratch = scratch
        self._feed = feed
        self.keyspace = place.keyspace

    def take(self, case: Case) -> None:
        """Do nothing: what is read is there."""

    def load(self, case: Case, figures: Figures) -> None:
        """Run the program."""
        path = project_root() / "plugins" / "loaders.meltano.yml"
        loaders = yaml.safe_load(path.read_text(encoding="utf-8"))["plugins"]["loaders"]
        [said] = [one["config"] for one in loaders if one["name"] == "target-cassandra"]
        node = self._place.node
        user, password = node.superuser
        config = {
            **said,
            "tables": [one for one in said["tables"] if one["table"] == case.table],
            "contact_points": [node.host],
            "port": node.port,
            "username": user,
            "password": password,
            "local_dc": DATACENTER,
            "keyspace": self.keyspace,
            "run_id": "bench",
        }
        settings = self._scratch / "config.json"
        settings.write_text(json.dumps(config))
        program = Path(sys.executable).with_name("target-cassandra")
        timed(
            figures,
            [str(program), "--config", str(settings)],
            env=compiled(self._scratch),
            stdin=self._feed.messages,
        )

    def empty(self, case: Case) -> None:
        """Empty the table and what stands beside it."""
        beside = [f"{case.table}__positions"] if case.table == "lyrics_by_artist" else []
        self._place.empty(case.table, *beside)


class Driver:
    """`execute_concurrent_with_args` at its best concurrency; only the writing is timed."""

    name = "DataStax driver, execute_concurrent_with_args"
    is_flat = False
    tables = ALL
    most_rounds: int | None = None
    protocol = 5
    """What it agrees on with such a node if nobody says otherwise."""

    def __init__(self, place: Place, scratch: Path) -> None:
        self._place = place
        self._scratch = scratch
        self.keyspace = place.keyspace

    def _rows(self, case: Case) -> Path:
        return self._scratch / f"{case.table}.pickle"

    def take(self, case: Case) -> None:
        """Keep the rows of our own load."""
        with self._rows(case).open("wb") as file:
            pickle.dump(self._place.rows(OURS, case.table), file)

    def load(self, case: Case, figures: Figures) -> None:
        """Run `driver_load.py`, which prints its seconds."""
        node = self._place.node
        user, password = node.superuser
        into = [self.keyspace, case.table]
        where = [node.host, str(node.port), user, *into, str(self._rows(case)), str(self.protocol)]
        done = subprocess.run(
            [sys.executable, str(HERE / "driver_load.py"), *where],
            input=password,
            text=True,
            stdout=subprocess.PIPE,
            check=True,
        )
        figures.seconds.append(float(done.stdout))

    def empty(self, case: Case) -> None:
        """Empty the table."""
        self._place.empty(case.table)


class DriverWithoutChecksums(Driver):
    """The same with the version of the protocol that ours speaks: it makes none in Python."""

    name = "DataStax driver, told to speak protocol 4"
    tables = ALL[:1]
    most_rounds = 1
    protocol = 4


class Cqlsh:
    """`cqlsh COPY FROM` of a CSV file made from our own load.

    `COPY TO` is no help: it writes a line break as a backslash and an n, which stay so. Nor can
    `COPY FROM` be given line breaks: it cuts a file into pieces by lines, some of them inside a
    text, and then loses the rows around. So it is given spaces in their place, and what it has
    loaded is compared with that. It is slow enough that one table and one round tell.
    """

    name = "cqlsh, COPY FROM"
    is_flat = True
    tables = ALL[:1]
    most_rounds = 1

    def __init__(self, place: Place, scratch: Path, python: Path) -> None:
        self._place = place
        self._file = scratch / "rows.csv"
        self._program = python.with_name("cqlsh")
        self._settings = scratch / "cqlshrc"
        self._names: list[str] = []
        self.keyspace = place.keyspace
        user, password = place.node.superuser
        credentials = scratch / "credentials"
        credentials.write_text(
            f"[PlainTextAuthProvider]\nusername = {user}\npassword = {password}\n"
        )
        credentials.chmod(0o600)
        # The largest field is a lyric's text; the default stops at 128 KiB.
        self._settings.write_text(
            f"[authentication]\ncredentials = {credentials}\n[csv]\nfield_size_limit = 1000000\n"
        )

    def _command(self, statement: str) -> list[str]:
        node = self._place.node
        where = [node.host, str(node.port), "--cqlshrc", str(self._settings)]
        return [str(self._program), *where, "--request-timeout", "120", "-e", statement]

    def take(self, case: Case) -> None:
        """Write the rows of our own load as CSV."""
        self._names, rows = self._place.rows(OURS, case.table)
        with self._file.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, escapechar="\\", doublequote=False, lineterminator="\n")
            writer.writerows(map(_text, row) for row in rows)

    def load(self, case: Case, figures: Figures) -> None:
        """Run cqlsh."""
        columns = ", ".join(self._names)
        copy = f"COPY {self.keyspace}.{case.table} ({columns}) FROM '{self._file}'"
        timed(figures, self._command(copy), env=compiled(self._file.parent))

    def empty(self, case: Case) -> None:
        """Empty the table."""
        self._place.empty(case.table)


def _text(value: Any) -> str:
    """Return a value as cqlsh reads it."""
    if value is None:
        return ""
    if isinstance(value, list):
        return f"[{', '.join(map(_credit, value))}]"
    if isinstance(value, str):
        return value.replace("\n", " ")
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03}+0000"
    return str(value)


def _credit(value: Sequence[Any]) -> str:
    artist, role, position = value
    return f"{{artist_id: {artist}, role: '{role}', position: {position or 'null'}}}"


def contenders(
    root: Path, node: Cassandra, session: Session, scratch: Path, feed: Feed
) -> list[Contender]:
    """Return everyone; ours is the first, for the others are given what it wrote."""
    return [
        Mixtape(Place(node, session, OURS), scratch, feed),
        Driver(Place(node, session, "driver"), scratch),
        DriverWithoutChecksums(Place(node, session, "protocol"), scratch),
        Cqlsh(
            Place(node, session, "cqlsh"),
            scratch,
            environment(root, HERE / "locks" / "cqlsh.txt"),
        ),
    ]
