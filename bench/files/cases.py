"""What is read: lyrics in few large files and in many small ones, and objects without end."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from typing import TYPE_CHECKING

from mixtape.corpus import Bucket, generate

if TYPE_CHECKING:
    from mixtape.services.minio import Minio

LYRICS, OBJECTS = 170_000, 100_000
"""So many lyrics are 200 MB of JSON lines."""
WORKERS = 8
"""Requests at once: as many as the tap makes."""
LAYOUTS = {"jsonl": (8, "JSON lines"), "yaml": (5_000, "YAML")}
"""Each with its number of files, and what people call it."""


@dataclass(frozen=True)
class Case:
    """Something in a bucket."""

    title: str
    bucket: str
    prefix: str
    number: int
    """Lyrics, or objects."""


def lyrics(store: Minio, layout: str, number: int) -> Case:
    """Write the lyrics into files of a layout."""
    files, name = LAYOUTS[layout]
    bucket = f"bench-{layout}"
    generate(Bucket(store.client, bucket), lyrics=number, seed=1, layout=layout, files=files)
    pages = store.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="lyrics/")
    sizes = [entry["Size"] for page in pages for entry in page.get("Contents", [])]
    title = f"{number:,} lyrics in {len(sizes):,} files, {sum(sizes) / 1e6:.0f} MB of {name}"
    return Case(title, bucket, "lyrics/", number)


def objects(store: Minio, number: int) -> Case:
    """Put small objects; unsigned, for a client's signatures would take most of the time."""
    bucket = "bench-listing"
    store.client.create_bucket(Bucket=bucket)
    anyone = {
        "Effect": "Allow",
        "Principal": {"AWS": ["*"]},
        "Action": ["s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{bucket}/*"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [anyone]})
    store.client.put_bucket_policy(Bucket=bucket, Policy=policy)
    host = store.url.removeprefix("http://")

    def put(numbers: range) -> None:
        with closing(HTTPConnection(host)) as connection:
            for at in numbers:
                body = b'{"title":"%d"}' % at
                connection.request("PUT", f"/{bucket}/songs/{at:08}.jsonl", body)
                answer = connection.getresponse()
                answer.read()
                if answer.status != HTTPStatus.OK:
                    raise RuntimeError(f"object {at}: the store answers {answer.status}")

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(put, [range(first, number, WORKERS) for first in range(WORKERS)]))
    return Case(f"{number:,} objects, of which none is new", bucket, "songs/", number)
