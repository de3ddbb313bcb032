"""The least that reading rap files from S3 can cost: get them at once, parse them, count them."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
import msgspec
import yaml
from botocore.client import Config

decode_lines = msgspec.json.Decoder().decode_lines


def parse(key: str, body: bytes) -> int:
    """Return the number of documents, each made into Python objects by the tap's own parser."""
    if key.endswith(".jsonl"):
        return len(decode_lines(body))
    return sum(1 for _ in yaml.load_all(body, Loader=yaml.CSafeLoader))


def main() -> None:
    """Download every object of ``bucket`` below ``prefix`` and parse it."""
    endpoint, bucket, prefix, workers = sys.argv[1:]
    count = int(workers)
    client = boto3.client("s3", endpoint_url=endpoint, config=Config(max_pool_connections=count))
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def fetch(key: str) -> bytes:
        return client.get_object(Bucket=bucket, Key=key)["Body"].read()

    with ThreadPoolExecutor(count) as pool:
        found = sum(map(parse, keys, pool.map(fetch, keys)))
    print(found)


main()
