"""What every object store of ours has in common: an S3 endpoint, a key pair and a client."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import boto3
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError

from mixtape.services.base import Given, Service

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REGION = "us-east-1"


class ObjectStoreService(Service):
    """An S3 server of this checkout."""

    name = "object-store"

    access_key = "mixtape"

    @property
    def secret_key(self) -> str:
        """The root secret of this checkout's store."""
        return self.secret("root")

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def client(self) -> S3Client:
        """A client with the store's own credentials."""
        return s3_client(self.url, self.access_key, self.secret_key)

    def address(self) -> dict[str, str]:
        """Return the endpoint and the credentials in AWS's own variables."""
        return {
            "S3_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": REGION,
        }

    def ready(self) -> bool:
        """Tell whether it lists buckets for us."""
        return self.placed and _answers(self.client)

    def provision(self) -> None:
        """Buckets belong to whoever fills them."""


class GivenObjectStore(Given):
    """The S3 endpoint at `S3_ENDPOINT_URL`, with AWS's usual credentials."""

    name = "object-store"
    title = "object store"
    variable = "S3_ENDPOINT_URL"

    @property
    def url(self) -> str:
        """The endpoint."""
        return os.environ[self.variable]

    @property
    def client(self) -> S3Client:
        """A client with the environment's credentials."""
        return s3_client(self.url)

    def address(self) -> dict[str, str]:
        """Return the endpoint and the credentials in AWS's own variables."""
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        given = {name: os.environ[name] for name in names if name in os.environ}
        region = os.environ.get("AWS_REGION", REGION)
        return {"S3_ENDPOINT_URL": self.url, "AWS_REGION": region, **given}

    def ready(self) -> bool:
        """Tell whether it lists buckets for us."""
        return _answers(self.client)

    def provision(self) -> None:
        """Buckets belong to whoever fills them."""


def s3_client(
    endpoint: str | None, access_key: str | None = None, secret_key: str | None = None
) -> S3Client:
    """Return a client for ``endpoint``, or AWS; without keys it takes AWS's usual chain."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=os.environ.get("AWS_REGION", REGION),
        config=Config(
            s3={"addressing_style": "path"},
            connect_timeout=3,
            read_timeout=30,
            retries={"total_max_attempts": 2},
        ),
    )


def _answers(client: S3Client) -> bool:
    try:
        client.list_buckets()
    except (BotoCoreError, ClientError):
        return False
    return True
