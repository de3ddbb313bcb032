"""The least that finding nothing new can cost: list every object, look at each."""

from __future__ import annotations

import sys

import boto3


def main() -> None:
    """List ``bucket`` below ``prefix`` and count the versions of its objects."""
    endpoint, bucket, prefix = sys.argv[1:]
    client = boto3.client("s3", endpoint_url=endpoint)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    entries = (entry for page in pages for entry in page.get("Contents", []))
    print(len({(entry["Key"], entry["ETag"]) for entry in entries}))


main()
