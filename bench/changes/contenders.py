"""Who reads: our tap, its peer in an environment of its own, and the floor.

Each is a whole process that writes to a file. Settings that are not named here are defaults.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from loaders.contenders import environment
from pymongo import MongoClient

from changes.floor import DATABASE

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
OURS, PEER, FLOOR = "mixtape", "MeltanoLabs 0.4.1", "bare pymongo, raw"
ASKING_ALIKE = "bare pymongo, asking as mixtape"
OUR_STAGES: list[dict[str, Any]] = [{"$project": {"updateDescription": 0}}]
"""What our tap has the server do to events, as a bare change stream does not."""


class Contender(Protocol):
    """Something that reads a case."""

    @property
    def name(self) -> str:
        """What it is called in the table."""
        ...

    def begin(self, collection: str) -> None:
        """Take the position from which the events of a collection are to be drained."""

    def command(self, collection: str, kind: str) -> list[str]:
        """Return the command that reads a collection's documents, or its events."""
        ...

    def count(self, output: Path) -> int:
        """Return how many documents or events an output holds."""
        ...


@dataclass
class SingerTap:
    """A Singer tap, ours or the peer's."""

    name: str
    program: Path
    settings: Mapping[str, Any]
    scratch: Path
    replication: Mapping[str, str] | None = None
    """How the peer is told what to do: its replication method for documents, and for events."""

    def begin(self, collection: str) -> None:
        """Run once; the run's STATE is where the next begins."""
        done = subprocess.run(self.command(collection, "begin"), capture_output=True, check=True)
        messages = map(json.loads, done.stdout.splitlines())
        state = [message["value"] for message in messages if message["type"] == "STATE"][-1]
        self._file("state", collection).write_text(json.dumps(state))

    def command(self, collection: str, kind: str) -> list[str]:
        """Return the tap's own command line."""
        config = self._file("config", collection)
        config.write_text(json.dumps({**self.settings, "filter_collections": [collection]}))
        command = [str(self.program), "--config", str(config)]
        if self.replication:
            catalog = self._catalog(command, self.replication[kind])
            path = self._file(f"catalog-{kind}", collection)
            path.write_text(json.dumps(catalog))
            command += ["--catalog", str(path)]
        if kind == "events":
            command += ["--state", str(self._file("state", collection))]
        return command

    def count(self, output: Path) -> int:
        """Count the records."""
        with output.open("rb") as lines:
            return sum(b'"RECORD"' in line[:200] for line in lines)

    def _catalog(self, command: list[str], method: str) -> dict[str, Any]:
        done = subprocess.run([*command, "--discover"], capture_output=True, check=True)
        catalog: dict[str, Any] = json.loads(done.stdout)
        for stream in catalog["streams"]:
            stream["replication_method"] = method
            for entry in stream["metadata"]:
                if not entry["breadcrumb"]:
                    entry["metadata"] |= {"selected": True, "replication-method": method}
        return catalog

    def _file(self, what: str, collection: str) -> Path:
        return self.scratch / f"{self.name}-{collection}-{what}.json"


@dataclass
class Floor:
    """`floor.py`, which looks into nothing."""

    uri: str
    name: str = FLOOR
    stages: list[dict[str, Any]] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)

    def begin(self, collection: str) -> None:
        """Open a change stream, and keep its token."""
        client: MongoClient[dict[str, Any]] = MongoClient(self.uri)
        with client, client[DATABASE][collection].watch() as stream:
            self.tokens[collection] = (stream.resume_token or {})["_data"]

    def command(self, collection: str, kind: str) -> list[str]:
        """Return the command."""
        command = [sys.executable, str(HERE / "floor.py"), kind, self.uri, collection]
        if kind == "events":
            command += [self.tokens[collection], json.dumps(self.stages)]
        return command

    def count(self, output: Path) -> int:
        """Read what it counted."""
        return int(output.read_text())


def contenders(root: Path, uri: str, scratch: Path) -> list[Contender]:
    """Return everyone, with the peer's environment made below ``root``; the floor comes last."""
    python = environment(root, HERE / "locks" / "meltanolabs-tap-mongodb.txt")
    place = {"mongodb_connection_string": uri, "database": DATABASE}
    methods = {"documents": "INCREMENTAL", "events": "LOG_BASED", "begin": "LOG_BASED"}
    ours = Path(sys.executable).with_name("tap-mongodb")
    return [
        # As the others watch: the one collection. What the server does is the same for everybody.
        SingerTap(OURS, ours, {**place, "capture_scope": "collection"}, scratch),
        SingerTap(PEER, python.with_name("tap-mongodb"), place, scratch, methods),
        Floor(uri),
    ]
