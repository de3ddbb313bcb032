"""MinIO, built once from source where Go is, kept in the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from mixtape import cache
from mixtape.services.base import ServiceError
from mixtape.services.object_store import ObjectStoreService

MODULE = "github.com/minio/minio"
VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"  # the last source release
_KEPT_AS = f"minio-{VERSION.rsplit('-', 1)[-1]}"
HOW_TO_GET = (
    "install Go 1.24 or later (it is then built from source, once, in about four minutes), "
    "put a `minio` binary on PATH, or set S3_ENDPOINT_URL"
)


class Minio(ObjectStoreService):
    """A MinIO server of this checkout."""

    title = "MinIO"

    def command(self, port: int) -> list[str]:
        """Return the server's command; it listens on the loopback interface only."""
        if (program := installed()) is None:
            raise ServiceError(f"MinIO is not on this machine: {HOW_TO_GET}")
        data = str(self.home / "data")
        return [str(program), "server", data, "--quiet", "--address", f"127.0.0.1:{port}"]

    def environment(self) -> dict[str, str]:
        """Return the root credentials, and no wish to call home."""
        return {
            "MINIO_ROOT_USER": self.access_key,
            "MINIO_ROOT_PASSWORD": self.secret_key,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            "MINIO_CALLHOME_ENABLE": "off",
        }


def installed() -> Path | None:
    """Return the MinIO binary on this machine, if there is one."""
    built = cache.where(_KEPT_AS) / "minio"
    if built.exists():
        return built
    found = shutil.which("minio")
    return Path(found) if found else None


def build() -> Path:
    """Return the MinIO binary, built from source into the user's cache if need be.

    Raises:
        ServiceError: there is no Go here, or it could not build it.
    """
    if program := installed():
        return program
    if not shutil.which("go"):
        raise ServiceError(f"MinIO is not on this machine: {HOW_TO_GET}")
    return cache.kept(_KEPT_AS, _build) / "minio"


def _build(into: Path) -> None:
    done = subprocess.run(
        ["go", "install", "-trimpath", "-ldflags=-s -w", f"{MODULE}@{VERSION}"],
        env={**os.environ, "GOBIN": str(into), "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ServiceError(f"Go could not build MinIO: {done.stderr.strip()[-2000:]}")
