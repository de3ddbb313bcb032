"""A MongoDB-compatible server of one machine, or the replica set at `MONGODB_URI`.

SecantusDB speaks MongoDB's protocol, change streams included. Its licence is the GPL, so it has
a virtual environment of its own in the user's cache and is only ever another process.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from mixtape import cache
from mixtape.paths import project_root
from mixtape.services.base import Given, Service, ServiceError

PROGRAM = "secantusd-py"
HOW_TO_GET = "install `uv` (`make install` does), or set MONGODB_URI to a replica set"
_OPLOG_ENTRIES = 1_000_000
_OPLOG_SECONDS = 7 * 24 * 3600


class Mongodb(Service):
    """A single-node replica set of this checkout."""

    name = "mongodb"
    title = "SecantusDB (MongoDB stand-in)"

    def __init__(self, root: Path, *, options: tuple[str, ...] = ()) -> None:
        """Describe it; ``options`` are further arguments of the server."""
        super().__init__(root)
        self.options = options
        #: what clients need to say in the connection string, with its question mark
        self.client_options = ""

    @property
    def uri(self) -> str:
        """The connection string."""
        return f"mongodb://127.0.0.1:{self.port}/{self.client_options}"

    @property
    def url(self) -> str:
        """The connection string; it holds no password."""
        return self.uri

    def address(self) -> dict[str, str]:
        """Return the connection string under the names that clients and the tap look for."""
        return client_environment(self.uri)

    def command(self, port: int) -> list[str]:
        """Return the server's command; it listens on the loopback interface only."""
        retention = ("--oplog-max-entries", str(_OPLOG_ENTRIES))
        return [
            str(build()),
            *("--host", "127.0.0.1", "--port", str(port)),
            *("--storage-path", str(self.home / "data")),
            *("--oplog-retention-seconds", str(_OPLOG_SECONDS)),
            "--sync-on-commit",
            *(() if retention[0] in self.options else retention),
            *self.options,
        ]

    def ready(self) -> bool:
        """Tell whether it takes writes."""
        return self.placed and _answers(self.uri)

    def provision(self) -> None:
        """Databases come into being with their first document."""


class GivenMongodb(Given):
    """The server at `MONGODB_URI`."""

    name = "mongodb"
    title = "MongoDB"
    variable = "MONGODB_URI"

    @property
    def uri(self) -> str:
        """The connection string as it was given."""
        return os.environ[self.variable]

    @property
    def url(self) -> str:
        """The servers without user or password."""
        nodes = parse_uri(self.uri, validate=False, warn=False)["nodelist"]
        return "mongodb://" + ",".join(f"{host}:{port}" for host, port in nodes)

    def address(self) -> dict[str, str]:
        """Return the connection string under the names that clients and the tap look for."""
        return client_environment(self.uri)

    def ready(self) -> bool:
        """Tell whether a primary answers."""
        return _answers(self.uri)

    def provision(self) -> None:
        """Databases come into being with their first document."""


def client_environment(uri: str) -> dict[str, str]:
    """Return the variables of docs/interfaces.md for the server at ``uri``."""
    return {"MONGODB_URI": uri, "TAP_MONGODB_MONGODB_CONNECTION_STRING": uri}


def build() -> Path:
    """Return SecantusDB's program, installed from its hashed lock into the cache if need be.

    Raises:
        ServiceError: there is no `uv`, or it could not install.
    """
    lock = project_root() / "requirements" / "secantus.txt"
    # An environment leads to the Python it was made with: it is of no use to another one.
    digest = hashlib.sha256(lock.read_bytes() + sys.base_prefix.encode()).hexdigest()[:12]
    return cache.kept(f"secantus-{digest}", lambda into: _install(lock, into)) / "bin" / PROGRAM


def _install(lock: Path, into: Path) -> None:
    if (uv := _uv()) is None:
        raise ServiceError(f"SecantusDB is not on this machine: {HOW_TO_GET}")
    # Scripts of another kind of environment name its folder, which is about to be moved.
    _run(uv, "venv", "--quiet", "--relocatable", "--clear", "--python", sys.executable, str(into))
    _run(uv, "pip", "sync", "--quiet", "--require-hashes", str(lock), into=into)


def _run(*command: str, into: Path | None = None) -> None:
    given = {"VIRTUAL_ENV": str(into)} if into else {}
    done = subprocess.run(
        command, env={**os.environ, **given}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ServiceError(f"SecantusDB cannot be installed: {done.stderr.strip()[-2000:]}")


def _uv() -> str | None:
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def _answers(uri: str) -> bool:
    options: dict[str, Any] = {"serverSelectionTimeoutMS": 500, "connectTimeoutMS": 500}
    try:
        with MongoClient[dict[str, Any]](uri, **options) as client:
            return bool(client.admin.command("hello").get("isWritablePrimary"))
    except PyMongoError:
        return False
