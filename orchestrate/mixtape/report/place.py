"""Where a report is put: a bucket of S3, or a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from mixtape.services.base import ServiceError
from mixtape.services.object_store import s3_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from mypy_boto3_s3 import S3Client

DEFAULT = "s3://reports"
NEWEST = "report.html"
_CONTENT_TYPE = "text/html; charset=utf-8"


def put(page: str, out: str, at: datetime, given: Mapping[str, str]) -> list[str]:
    """Put the page at ``out`` as the newest and as its day's; return both places.

    A later report of the same day takes the earlier one's place.

    Args:
        page: the HTML.
        out: `s3://bucket` with an optional prefix, or a folder.
        at: when the report was made (UTC).
        given: the store, as `S3_ENDPOINT_URL`, and its keys where AWS's usual chain has none.

    Raises:
        ServiceError: it cannot be written there.
    """
    body = page.encode()
    keys = (NEWEST, f"report-{at:%Y-%m-%d}.html")
    if out.startswith("s3://"):
        parts = urlsplit(out)
        client = s3_client(
            given.get("S3_ENDPOINT_URL"),
            given.get("AWS_ACCESS_KEY_ID"),
            given.get("AWS_SECRET_ACCESS_KEY"),
        )
        return [*_put_objects(client, parts.netloc, parts.path.strip("/"), keys, body)]
    return [*_write_files(Path(out), keys, body)]


def _put_objects(
    client: S3Client, bucket: str, prefix: str, keys: tuple[str, ...], body: bytes
) -> Iterator[str]:
    try:
        for key in (f"{prefix}/{key}" if prefix else key for key in keys):
            try:
                client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=_CONTENT_TYPE)
            except client.exceptions.NoSuchBucket:
                client.create_bucket(Bucket=bucket)
                client.put_object(Bucket=bucket, Key=key, Body=body, ContentType=_CONTENT_TYPE)
            yield f"s3://{bucket}/{key}"
    except (BotoCoreError, ClientError) as error:
        raise ServiceError(
            f"the report cannot be put into bucket {bucket} at {client.meta.endpoint_url} "
            f"({error}): check S3_ENDPOINT_URL and the credentials, which need s3:PutObject there"
        ) from error


def _write_files(folder: Path, names: tuple[str, ...], body: bytes) -> Iterator[str]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            scratch = folder / f".{name}.new"
            scratch.write_bytes(body)
            yield str(scratch.replace(folder / name))
    except OSError as error:
        raise ServiceError(f"the report cannot be written to {folder}: {error}") from error
