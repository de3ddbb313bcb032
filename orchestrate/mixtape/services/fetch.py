"""Fetch or build, into the user's cache, what services need that no installation brings.

`make test` does so before its first test, for none to wait for a compiler or a download within
its own time limit, and no two workers at once. What `make demo` lacks it asks for itself.
"""

from __future__ import annotations

import os
import shutil
import sys

from mixtape.services import cassandra_jars, minio
from mixtape.services.base import ServiceError
from mixtape.services.cassandra import GivenCassandra
from mixtape.services.mongodb import GivenMongodb
from mixtape.services.mongodb import build as build_mongodb
from mixtape.services.object_store import GivenObjectStore


def main() -> int:
    """Fetch what is not there yet, and return 0, or 3 if a source cannot be reached."""
    try:
        if not os.environ.get(GivenObjectStore.variable):
            _fetch_minio()
        if not os.environ.get(GivenMongodb.variable):
            build_mongodb()
        if not os.environ.get(GivenCassandra.variable):
            cassandra_jars.jars()
    except ServiceError as error:
        print(f"services: {error}", file=sys.stderr)
        return 3
    return 0


def _fetch_minio() -> None:
    if minio.installed():
        return
    # No registry has a program of it: a machine without Go tests the rest.
    if shutil.which("go"):
        print("building MinIO, once: about four minutes …", flush=True)
        minio.build()


if __name__ == "__main__":
    sys.exit(main())
