"""The first step: what is in the bucket and not yet loaded; and the manifest as a tap reads it."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import boto3
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError

from mixtape.pipeline import PipelineError
from mixtape.steps.tables import FILES, STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

    from mixtape.steps.run import Run

_LOADED = "_files"
_COLUMNS = ("bucket", "key", "etag", "size", "last_modified", "reason")


def check(run: Run) -> None:
    """Write the run's manifest: each file whose version was not loaded yet.

    Raises:
        PipelineError: the bucket cannot be listed.
    """
    config = run.pipeline.tap_config
    bucket = config["bucket"]
    loaded = _loaded(run, bucket)
    reasons: Counter[str] = Counter()
    listed = size = 0
    rows = []
    for entry in _listed(config):
        listed += 1
        key, etag = entry["Key"], entry["ETag"].strip('"')
        if loaded.get(key) == etag:
            continue
        reason = "changed" if key in loaded else "new"
        reasons[reason] += 1
        size += entry["Size"]
        rows.append((bucket, key, etag, entry["Size"], entry["LastModified"], reason))
    run.tables.replace(FILES, run.id, _COLUMNS, rows)
    run.summary |= {
        "listed": listed,
        "files": len(rows),
        "bytes": size,
        "new": reasons["new"],
        "changed": reasons["changed"],
    }


def write_manifest(run: Run) -> None:
    """Write the run's manifest where its tap reads it.

    Raises:
        PipelineError: the run has none yet.
    """
    if not run.tables.select(
        "select from {steps} where run_id = %(run)s and step = 'check' and error is null",
        {"run": run.id},
        steps=STEPS,
    ):
        raise PipelineError(
            f"run {run.id} has no manifest: its step `check` comes first "
            "(steps of one run share MELTANO_RUN_ID)"
        )
    found = run.tables.select(
        "select key, etag from {files} where run_id = %(run)s order by key",
        {"run": run.id},
        files=FILES,
    )
    run.manifest.parent.mkdir(parents=True, exist_ok=True)
    with run.manifest.open("w", encoding="utf-8") as file:
        for key, etag in found:
            file.write(json.dumps({"key": key, "etag": etag}) + "\n")
    run.summary["files"] = len(found)


def _loaded(run: Run, bucket: str) -> dict[str, str]:
    """Return the version of each file that the warehouse has seen."""
    if not run.tables.exists(_LOADED):
        return {}
    return dict(
        run.tables.select(
            "select key, seen_etag from {loaded} where bucket = %(bucket)s and deleted_at is null",
            {"bucket": bucket},
            loaded=_LOADED,
        )
    )


def _listed(config: dict[str, Any]) -> Iterator[Any]:
    """Yield the objects that the tap's streams name, each once."""
    client = _client(config)
    patterns: dict[str, list[re.Pattern[str]]] = {}
    for stream in config["streams"]:
        pattern = re.compile(stream.get("pattern") or "")
        patterns.setdefault(stream.get("prefix") or "", []).append(pattern)
    # A prefix within another one is listed with that.
    outer = [one for one in patterns if not any(one != o and one.startswith(o) for o in patterns)]
    try:
        for prefix in outer:
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=config["bucket"], Prefix=prefix
            )
            for page in pages:
                for entry in page.get("Contents", ()):
                    if not entry["Key"].endswith("/") and _is_named(entry["Key"], patterns):
                        yield entry
    except (BotoCoreError, ClientError) as error:
        raise PipelineError(f"bucket {config['bucket']!r} cannot be listed: {error}") from error


def _is_named(key: str, patterns: dict[str, list[re.Pattern[str]]]) -> bool:
    return any(
        key.startswith(prefix) and any(pattern.search(key) for pattern in found)
        for prefix, found in patterns.items()
    )


def _client(config: dict[str, Any]) -> S3Client:
    if config.get("protocol", "s3") != "s3":
        raise PipelineError("steps list buckets only: set the tap's protocol to s3")
    verify: Any = config.get("verify_tls", True) and (config.get("ca_bundle") or None)
    return boto3.client(
        "s3",
        endpoint_url=config.get("endpoint_url") or None,
        aws_access_key_id=config.get("aws_access_key_id") or None,
        aws_secret_access_key=config.get("aws_secret_access_key") or None,
        aws_session_token=config.get("aws_session_token") or None,
        region_name=config.get("region_name") or None,
        verify=verify,
        config=Config(s3={"addressing_style": config.get("addressing_style", "path")}),
    )
