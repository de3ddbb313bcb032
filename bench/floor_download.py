"""The least that reading rap files from S3 can cost: get them at once, parse them, count them."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.client import Config
from tap_files.formats import documents  # the tap's own parsers, with nothing around them


def main() -> None:
    """Download every object of ``bucket`` below ``prefix`` and parse it."""
    endpoint, bucket, prefix, workers = sys.argv[1:]
    count = int(workers)
    client = boto3.client("s3", endpoint_url=endpoint, config=Config(max_pool_connections=count))
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def fetch(key: str) -> bytes:
        return client.get_object(Bucket=bucket, Key=key)["Body"].read()

    found = 0
    with ThreadPoolExecutor(count) as pool:
        for key, body in zip(keys, pool.map(fetch, keys), strict=True):
            found += sum(1 for _ in documents(key, body))
    print(found)


main()
