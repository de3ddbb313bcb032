"""The services that data flows through, on one machine.

A service whose address the environment gives is used as it is; any other is started for this
checkout alone, below ``.mixtape/``, and stays up until `mixtape down`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mixtape.services.base import Given, Part, Service, ServiceError
from mixtape.services.minio import Minio, installed
from mixtape.services.moto import Moto
from mixtape.services.object_store import GivenObjectStore
from mixtape.services.postgres import GivenPostgres, Postgres

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Given", "Part", "Service", "ServiceError", "object_store", "parts", "postgres"]


def postgres(root: Path) -> Postgres | GivenPostgres:
    """Return the PostgreSQL to use: the one in `POSTGRES_URI`, or one below ``root``."""
    return GivenPostgres() if os.environ.get("POSTGRES_URI") else Postgres(root)


def object_store(root: Path) -> Minio | Moto | GivenObjectStore:
    """Return the object store to use: `S3_ENDPOINT_URL`, MinIO where it is, else moto."""
    if os.environ.get("S3_ENDPOINT_URL"):
        return GivenObjectStore()
    return Minio(root) if installed() else Moto(root)


def parts(root: Path) -> dict[str, Part]:
    """Return every part by the name that `mixtape up` knows it by."""
    every: tuple[Part, ...] = (postgres(root), object_store(root))
    return {part.name: part for part in every}
