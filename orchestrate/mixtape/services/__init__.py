"""The services that data flows through, on one machine.

A service whose address the environment gives is used as it is; any other is started for this
checkout alone, below ``.mixtape/``, and stays up until `mixtape down`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mixtape.services.base import Given, Part, Service, ServiceError
from mixtape.services.cassandra import Cassandra, GivenCassandra
from mixtape.services.minio import Minio, installed
from mixtape.services.mongodb import GivenMongodb, Mongodb
from mixtape.services.moto import Moto
from mixtape.services.object_store import GivenObjectStore
from mixtape.services.postgres import GivenPostgres, Postgres

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = [
    "Given",
    "Part",
    "Service",
    "ServiceError",
    "cassandra",
    "mongodb",
    "object_store",
    "parts",
    "postgres",
]


def postgres(root: Path) -> Postgres | GivenPostgres:
    """Return the PostgreSQL to use: the one in `POSTGRES_URI`, or one below ``root``."""
    ours = Postgres(root)
    return GivenPostgres() if _given([GivenPostgres.variable], ours) else ours


def object_store(root: Path) -> Minio | Moto | GivenObjectStore:
    """Return the object store to use: `S3_ENDPOINT_URL`, MinIO where it is, else moto."""
    ours = Minio(root) if installed() else Moto(root)
    return GivenObjectStore() if _given([GivenObjectStore.variable], ours) else ours


def cassandra(root: Path) -> Cassandra | GivenCassandra:
    """Return the Cassandra to use: that at `CASSANDRA_CONTACT_POINTS`, or one below ``root``."""
    ours = Cassandra(root)
    names = (GivenCassandra.variable, GivenCassandra.port_variable)
    return GivenCassandra() if _given(names, ours) else ours


def mongodb(root: Path) -> Mongodb | GivenMongodb:
    """Return the MongoDB to use: the one in `MONGODB_URI`, or one below ``root``."""
    ours = Mongodb(root)
    return GivenMongodb() if _given([GivenMongodb.variable], ours) else ours


def parts(root: Path) -> dict[str, Part]:
    """Return every part by the name that `mixtape up` knows it by."""
    every: tuple[Part, ...] = (
        postgres(root),
        object_store(root),
        mongodb(root),
        cassandra(root),
    )
    return {part.name: part for part in every}


def _given(variables: Sequence[str], ours: Service) -> bool:
    """Tell whether the environment names a server that is not the one of this checkout.

    The first of ``variables`` decides whether it names one at all. After ``eval "$(mixtape
    env)"`` it names ours, which `mixtape down` must still stop.
    """
    if not os.environ.get(variables[0]):
        return False
    if not ours.placed:
        return True
    known = ours.address()
    return any(os.environ.get(name, known[name]) != known[name] for name in variables)
