"""Rejected rows put in again after a repair.

The records of a stream's quarantine go to the target once more, as Singer messages under the
schema that the tap declares now. They keep their source's version, so a row that is newer by now
stays. A quarantine row is removed after the target has committed, and only if it is still the one
that was sent: cut off anywhere, the same command ends what is left.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql

from mixtape.pipeline import PipelineError, connect

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    import psycopg

    from mixtape.pipeline import Pipeline

_SUFFIX = "__rejected"
_VERSION = "_sdc_lsn"


@dataclass(frozen=True)
class Redriven:
    """What became of one stream's quarantine."""

    stream: str
    sent: int
    """Records."""
    rejected_again: int
    left: int
    """Records that only a new run of the tap can bring: documents that it could not read."""


@dataclass(frozen=True)
class _Rejected:
    source_key: str
    rejected_at: dt.datetime
    payload: str
    is_record: bool


def redrive(pipeline: Pipeline, names: Sequence[str]) -> list[Redriven]:
    """Put in again what waits in the quarantine of the streams ``names``, or of all.

    Raises:
        PipelineError: a stream is unknown, has no version to keep, or the target failed.
    """
    catalog = pipeline.catalog
    if unknown := sorted(set(names) - set(catalog)):
        raise PipelineError(f"the tap has no stream {', '.join(unknown)}")
    config = pipeline.target_config
    schema = config.get("default_target_schema", "public")
    found = []
    with connect(config) as database:
        for name in names or sorted(one for one in catalog if not one.endswith(_SUFFIX)):
            table = sql.Identifier(schema, name + _SUFFIX)
            exists = database.execute(
                "select to_regclass(%s) is not null", (table.as_string(database),)
            ).fetchone()
            if exists == (True,):
                found.append(_stream(pipeline, database, table, catalog[name]))
    return found


def _stream(
    pipeline: Pipeline, database: psycopg.Connection, table: sql.Identifier, entry: dict[str, Any]
) -> Redriven:
    name, keys = entry["tap_stream_id"], entry.get("key_properties") or []
    rows = _rejected(database, table, [*keys, _VERSION])
    records = [row for row in rows if row.is_record]
    if records and not (keys and _VERSION in entry["schema"]["properties"]):
        raise PipelineError(
            f"stream {name} has no key or no {_VERSION}: what is put in again could replace newer "
            "rows; let the tap send it again"
        )
    sent = {row.source_key: row.payload for row in records}
    if sent:
        pipeline.load(_messages(entry, list(sent.values())))
        _remove(database, table, records)
    again = {
        row.source_key for row in _rejected(database, table, [*keys, _VERSION]) if row.is_record
    }
    left = {row.source_key for row in rows if not row.is_record}
    return Redriven(name, len(sent), len(again), len(left))


def _rejected(
    database: psycopg.Connection, table: sql.Identifier, names: Sequence[str]
) -> list[_Rejected]:
    """Return the quarantine; a payload that is a record has the key and the version."""
    query = sql.SQL(
        "select source_key, _sdc_rejected_at, payload::text,"
        " coalesce(payload ?& %s, false) from {} order by source_key"
    ).format(table)
    return [_Rejected(*row) for row in database.execute(query, (list(names),))]


def _messages(entry: dict[str, Any], payloads: Sequence[str]) -> bytes:
    name = json.dumps(entry["tap_stream_id"])
    head = {
        "type": "SCHEMA",
        "stream": entry["tap_stream_id"],
        "schema": entry["schema"],
        "key_properties": entry["key_properties"],
    }
    # The payload's own text: its numbers keep their digits.
    records = [f'{{"type":"RECORD","stream":{name},"record":{one}}}' for one in payloads]
    return "".join(line + "\n" for line in [json.dumps(head), *records]).encode()


def _remove(database: psycopg.Connection, table: sql.Identifier, rows: Sequence[_Rejected]) -> None:
    """Remove rows that are as they were sent; one that was rejected again has a later time."""
    database.execute(
        sql.SQL(
            "delete from {} where (source_key, _sdc_rejected_at) in"
            " (select * from unnest(%s::text[], %s::timestamptz[]))"
        ).format(table),
        ([row.source_key for row in rows], [row.rejected_at for row in rows]),
    )
