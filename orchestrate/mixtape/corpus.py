"""Rap files into a bucket or a folder: the authored ones, or any volume of generated ones."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from mixtape.services import ServiceError
from mixtape.services.minio import Minio
from mixtape.services.moto import Moto
from mixtape.services.object_store import GivenObjectStore
from rap_model import corpus as generator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_s3 import S3Client

    from mixtape.services import Part

KINDS = ("artists", "lyrics", "meetups")
MANIFEST = "_published.json"


class Destination(Protocol):
    """Somewhere that rap files can be put."""

    @property
    def name(self) -> str:
        """What to call it when speaking to people."""
        ...

    def get(self, key: str) -> bytes | None:
        """Return the object's bytes, or None when there is none."""
        ...

    def put(self, key: str, body: bytes) -> None:
        """Write the object whole."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object, if it is there."""
        ...


class Folder:
    """Files below a local folder."""

    def __init__(self, root: Path) -> None:
        """Write below ``root``, which is made when it is missing."""
        self.root = root
        self.name = str(root)

    def get(self, key: str) -> bytes | None:
        """Return the file's bytes, or None when there is none."""
        path = self.root / key
        return path.read_bytes() if path.is_file() else None

    def put(self, key: str, body: bytes) -> None:
        """Write the file aside and move it into place."""
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f".{path.name}.new")
        scratch.write_bytes(body)
        scratch.replace(path)

    def delete(self, key: str) -> None:
        """Remove the file, if it is there."""
        (self.root / key).unlink(missing_ok=True)


class Bucket:
    """Objects of one bucket, below an optional prefix."""

    def __init__(self, client: S3Client, bucket: str, prefix: str = "") -> None:
        """Write to ``bucket``, which is made when it is missing."""
        self.client = client
        self.bucket = bucket
        self.prefix = f"{prefix}/" if prefix else ""
        self.name = f"s3://{bucket}/{self.prefix}"
        try:
            client.head_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:  # noqa: PLR2004
                raise ServiceError(f"bucket {bucket} cannot be used: {error}") from error
            client.create_bucket(Bucket=bucket)

    def get(self, key: str) -> bytes | None:
        """Return the object's bytes, or None when there is none."""
        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)
        except self.client.exceptions.NoSuchKey:
            return None
        return answer["Body"].read()

    def put(self, key: str, body: bytes) -> None:
        """Write the object."""
        self.client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=body)

    def delete(self, key: str) -> None:
        """Remove the object, if it is there."""
        self.client.delete_object(Bucket=self.bucket, Key=self.prefix + key)


@dataclass(frozen=True)
class Published:
    """What one publication did, in files."""

    place: str
    added: int
    changed: int
    removed: int
    kept: int

    @property
    def sentence(self) -> str:
        """The same, for people."""
        return (
            f"{self.place}: {self.added} added, {self.changed} changed, "
            f"{self.removed} removed, {self.kept} as before"
        )


def destination(url: str, parts: Iterable[Part]) -> Destination:
    """Return the place ``url`` names: ``s3://bucket[/prefix]`` in the running store, or a folder.

    Raises:
        ServiceError: an object store is meant, and none of ``parts`` is one.
    """
    split = urlsplit(url)
    if split.scheme in {"", "file"}:
        return Folder(Path(split.path))
    if split.scheme != "s3" or not split.netloc:
        raise ServiceError(f"{url} is neither s3://bucket[/prefix] nor a folder")
    for part in parts:
        if isinstance(part, Minio | Moto | GivenObjectStore):
            return Bucket(part.client, split.netloc, split.path.strip("/"))
    raise ServiceError("no object store runs: `mixtape up object-store` starts one")


def publish(source: Path, place: Destination, *, broken: bool) -> Published:
    """Make ``place`` hold the rap files of ``source`` (with ``broken/`` if asked).

    What it published is kept in a manifest beside the files, so that only what changed is
    written, and only files of its own are ever removed.
    """
    before: dict[str, str] = json.loads(place.get(MANIFEST) or b"{}")
    wanted = dict(_authored(source, broken=broken))
    now = {key: hashlib.sha256(body).hexdigest() for key, body in wanted.items()}
    added = now.keys() - before.keys()
    removed = before.keys() - now.keys()
    changed = {key for key in now.keys() & before.keys() if now[key] != before[key]}
    for key in sorted(added | changed):
        place.put(key, wanted[key])
    for key in sorted(removed):
        place.delete(key)
    if now != before:
        place.put(MANIFEST, json.dumps(now, indent=1, sort_keys=True).encode())
    kept = len(now) - len(added) - len(changed)
    return Published(place.name, len(added), len(changed), len(removed), kept)


def generate(place: Destination, *, lyrics: int, seed: int, layout: str, files: int | None) -> str:
    """Write a generated corpus to ``place`` and return a sentence on what it wrote."""
    started = time.monotonic()
    written = generator.write(place.put, lyrics=lyrics, seed=seed, layout=layout, files=files)
    seconds = time.monotonic() - started
    return (
        f"{place.name}: {lyrics:,} lyrics in {written:,} files, "
        f"{seconds:.1f} s ({lyrics / seconds:,.0f} a second)"
    )


def _authored(source: Path, *, broken: bool) -> Iterator[tuple[str, bytes]]:
    for kind in KINDS:
        yield from _files(source / kind, kind)
        if broken:
            yield from _files(source / "broken" / kind, f"{kind}/broken")


def _files(folder: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes()
