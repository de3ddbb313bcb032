"""A bucket of an S3 server as a store.

Listing, credentials, TLS and retries are botocore's. Getting an object takes a shorter way through
its own signer and transport: for small files the client's machinery around them costs
several times what the request itself does. Every answer but a plain success goes the usual way
once more, so that redirects, retries and errors stay its business.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    InvalidRegionError,
    NoCredentialsError,
    PartialCredentialsError,
    SSLError,
)
from botocore.httpsession import URLLib3Session
from botocore.session import get_session
from botocore.utils import get_environ_proxies, percent_encode
from urllib3.exceptions import HTTPError

from singer_kit.errors import ConfigError, ConnectorError, SourceUnreachableError
from tap_files.client import CHUNK_BYTES, ChangedError, FileObject, Listing, Older, VanishedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import (
        ListObjectsV2OutputTypeDef,
        ObjectTypeDef,
        ObjectVersionTypeDef,
    )

    from tap_files.settings import Settings

CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 60
ATTEMPTS = 5
"""Requests for one answer; boto's standard mode waits up to 1, 2, 4, 8 seconds between them."""

_FAULTS = (BotoCoreError, ClientError, HTTPError)


class S3Store:
    """One bucket."""

    def __init__(self, settings: Settings, connections: int) -> None:
        self.bucket = settings.bucket
        self._where = f"bucket {settings.bucket!r} at {settings.endpoint_url or 'AWS'}"
        session = get_session()
        keys = (
            settings.aws_access_key_id,
            settings.aws_secret_access_key,
            settings.aws_session_token,
        )
        if any(keys):
            session.set_credentials(*cast("tuple[str, str, str | None]", keys))
        region = (
            settings.region_name
            or os.environ.get("AWS_REGION")
            or session.get_config_variable("region")
        )
        bundle = settings.ca_bundle or session.get_config_variable("ca_bundle")
        if bundle and not Path(bundle).is_file():
            raise ConfigError(
                f"setting 'ca_bundle': no file {str(bundle)!r}; give a file of PEM certificates"
            )
        # The stubs know neither a bundle's path nor two timeouts.
        verify: Any = settings.verify_tls and (bundle or True)
        try:
            client = session.create_client(
                "s3",
                endpoint_url=settings.endpoint_url,
                region_name=region or "us-east-1",
                verify=verify,
                config=Config(
                    connect_timeout=CONNECT_TIMEOUT_SECONDS,
                    read_timeout=READ_TIMEOUT_SECONDS,
                    max_pool_connections=connections,
                    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                    s3={"addressing_style": cast("Any", settings.addressing_style)},
                    # A listed etag already says which bytes these must be.
                    response_checksum_validation="when_required",
                ),
            )
            self._client = cast("S3Client", client)
            credentials = session.get_credentials()
            if credentials is None:
                raise NoCredentialsError
            self._credentials = credentials
            # Asking boto where an object is keeps addressing in one place.
            url = self._client.generate_presigned_url(
                "get_object", Params={"Bucket": self.bucket, "Key": "x"}
            )
        except (BotoCoreError, ValueError) as error:
            raise self._fault(error) from None
        self._base_url = url.partition("?")[0].removesuffix("x")
        self._transport = URLLib3Session(
            verify=verify,
            proxies=get_environ_proxies(self._base_url),
            timeout=cast("Any", (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS)),
            max_pool_connections=connections,
        )

    def list_objects(self, prefix: str) -> Listing:
        """Return every object under ``prefix``; see :class:`~tap_files.client.Store`."""
        pages = iter(
            self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix
            )
        )
        try:
            first = next(pages)
        except _FAULTS as error:
            raise self._fault(error) from None
        clock = _clock(first["ResponseMetadata"]["HTTPHeaders"])
        return Listing(self._objects(chain([first], pages)), clock)

    def _objects(self, pages: Iterator[ListObjectsV2OutputTypeDef]) -> Iterator[FileObject]:
        try:
            for page in pages:
                for entry in page.get("Contents", ()):
                    if not entry["Key"].endswith("/"):  # a console's placeholder for a folder
                        yield _object(entry)
        except _FAULTS as error:
            raise self._fault(error) from None

    def read(self, obj: FileObject) -> bytes:
        """Return the object's bytes; see :class:`~tap_files.client.Store`."""
        try:
            body = self._short_way(obj)
        except BotoCoreError:
            body = None  # a connection that broke or was refused: boto's retries decide
        return b"".join(self.stream(obj)) if body is None else body

    def _short_way(self, obj: FileObject) -> bytes | None:
        """Return the bytes, or None where the answer is anything but a success."""
        request = AWSRequest(
            method="GET",
            url=self._base_url + percent_encode(obj.key, safe="/~"),
            headers={"If-Match": f'"{obj.etag}"'},
        )
        credentials = self._credentials.get_frozen_credentials()
        S3SigV4Auth(credentials, "s3", self._client.meta.region_name).add_auth(request)
        response = self._transport.send(request.prepare())
        body: bytes = response.content
        ok = response.status_code == HTTPStatus.OK and len(body) == obj.size
        return body if ok else None

    def stream(self, obj: FileObject, version: str | None = None) -> Iterator[bytes]:
        """Yield the object's bytes, taking up again where a connection broke."""
        offset = 0
        for left in reversed(range(ATTEMPTS)):
            try:
                for chunk in self._get(obj, offset, version).iter_chunks(CHUNK_BYTES):
                    offset += len(chunk)
                    yield chunk
            except (HTTPError, HTTPClientError, IncompleteReadError) as error:
                if not left:
                    raise self._fault(error) from None
            else:
                return

    def older_versions(self, key: str) -> Iterator[Older]:
        """Yield what the bucket kept of an object; see :class:`~tap_files.client.Store`."""
        pages = self._client.get_paginator("list_object_versions").paginate(
            Bucket=self.bucket, Prefix=key
        )
        try:
            for page in pages:
                for entry in page.get("Versions", ()):
                    if entry["Key"] == key:
                        obj = _object(entry)
                        yield Older(obj, self.stream(obj, entry["VersionId"]))
                if any(entry["Key"] > key for entry in page.get("Versions", ())):
                    return  # keys come in order: the rest only begins alike
        except ClientError:
            return  # not allowed, or not offered: there are none for us
        except (BotoCoreError, HTTPError) as error:
            raise self._fault(error) from None

    def _get(self, obj: FileObject, offset: int, version: str | None) -> StreamingBody:
        request: dict[str, Any] = {"Bucket": self.bucket, "Key": obj.key, "IfMatch": obj.etag}
        if version:
            request["VersionId"] = version
        if offset:
            request["Range"] = f"bytes={offset}-"
        try:
            return self._client.get_object(**request)["Body"]
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status == HTTPStatus.PRECONDITION_FAILED:
                raise ChangedError(obj.key) from None
            if error.response.get("Error", {}).get("Code") == "NoSuchKey":
                raise VanishedError(obj.key) from None
            raise self._fault(error) from None
        except BotoCoreError as error:
            raise self._fault(error) from None

    def _fault(self, error: Exception) -> ConnectorError:
        """Return the error with what to do about it."""
        said = " ".join(str(error).split())
        match error:
            case NoCredentialsError() | PartialCredentialsError():
                return ConfigError(
                    f"{self._where}: {said}; set aws_access_key_id and aws_secret_access_key, or "
                    "what the AWS chain reads (AWS_ACCESS_KEY_ID, ~/.aws, a role)"
                )
            case InvalidRegionError() | ValueError():
                return ConfigError(f"{self._where}: {said}; check endpoint_url and region_name")
            case SSLError():
                return SourceUnreachableError(
                    f"{self._where}: its certificate is not valid for us: {said}; set ca_bundle to "
                    "the certificates of the authority that signed it, and endpoint_url to a host "
                    "that the certificate names"
                )
            case ClientError():
                code = error.response.get("Error", {}).get("Code")
                return SourceUnreachableError(
                    f"{self._where} refused ({code}): {said}; check the bucket's name, the keys "
                    "and their rights (s3:ListBucket, s3:GetObject)"
                )
            case _:
                return SourceUnreachableError(
                    f"{self._where} cannot be reached: {said}; check endpoint_url and the network, "
                    "then run again: it goes on from the last state"
                )


def _object(entry: ObjectTypeDef | ObjectVersionTypeDef) -> FileObject:
    return FileObject(
        entry["LastModified"].astimezone(UTC),
        entry["Key"],
        entry["ETag"].strip('"'),
        entry["Size"],
    )


def _clock(headers: dict[str, str]) -> datetime:
    return parsedate_to_datetime(headers["date"]).astimezone(UTC)
