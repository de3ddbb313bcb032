"""The settings; what many loaders have is named as they name it."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from cassandra import ConsistencyLevel
from singer_sdk import typing as th

from singer_kit.settings import TARGET_PASSWORD, TARGET_QUARANTINE, OnInvalidRecord
from target_cassandra.layout import TableSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger("target-cassandra")

CONSISTENCY_LEVELS = ("LOCAL_QUORUM", "EACH_QUORUM", "QUORUM", "ALL", "LOCAL_ONE", "ONE", "TWO")


class DeleteMode(StrEnum):
    """What a record with ``_sdc_deleted_at`` does to its rows."""

    HARD = "hard"
    SOFT = "soft"
    IGNORE = "ignore"


class NullHandling(StrEnum):
    """What a property that is null does to its column."""

    UNSET = "unset"
    NULL = "null"


class OnSchemaChange(StrEnum):
    """What becomes of a table that lacks a column."""

    FAIL = "fail"
    ADD_COLUMN = "add_column"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that a load needs, checked."""

    keyspace: str
    run_id: str
    tables: tuple[TableSpec, ...] | None
    create_keyspace: bool
    replication: dict[str, str | int]
    create_tables: bool
    on_schema_change: OnSchemaChange
    consistency_level: int
    request_timeout_seconds: float
    max_concurrent_requests: int
    max_batch_bytes: int
    retry_attempts: int
    retry_backoff_seconds: float
    lock_seconds: int
    ttl_seconds: int
    null_handling: NullHandling
    delete_mode: DeleteMode
    on_invalid_record: OnInvalidRecord
    max_rejected_ratio: float
    batch_size_rows: int
    batch_size_bytes: int
    batch_wait_limit_seconds: float

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Settings:
        """Return the settings in a validated configuration.

        Raises:
            TableConfigError: two tables, or a table and a stream, contradict each other.
        """
        run_id = config.get("run_id") or ""
        if not run_id:
            run_id = str(uuid.uuid4())
            logger.info("no run_id given: this run is %s", run_id)
        tables = config.get("tables")
        return cls(
            keyspace=config["keyspace"],
            run_id=run_id,
            tables=None if tables is None else TableSpec.all_of(tables),
            create_keyspace=config["create_keyspace"],
            replication=config["replication"],
            create_tables=config["create_tables"],
            on_schema_change=OnSchemaChange(config["on_schema_change"]),
            consistency_level=ConsistencyLevel.name_to_value[config["consistency_level"]],
            request_timeout_seconds=config["request_timeout_seconds"],
            max_concurrent_requests=config["max_concurrent_requests"],
            max_batch_bytes=config["max_batch_bytes"],
            retry_attempts=config["retry_attempts"],
            retry_backoff_seconds=config["retry_backoff_seconds"],
            lock_seconds=config["lock_seconds"],
            ttl_seconds=config["ttl_seconds"],
            null_handling=NullHandling(config["null_handling"]),
            delete_mode=DeleteMode(config["delete_mode"]),
            on_invalid_record=OnInvalidRecord(config["on_invalid_record"]),
            max_rejected_ratio=config["max_rejected_ratio"],
            batch_size_rows=config["batch_size_rows"],
            batch_size_bytes=config["batch_size_bytes"],
            batch_wait_limit_seconds=config["batch_wait_limit_seconds"],
        )


_NAMES = th.ArrayType(th.StringType)
_TABLE = th.ObjectType(
    th.Property("stream", th.StringType, required=True, description="Stream that feeds it."),
    th.Property("table", th.StringType, required=True, description="Name of the table."),
    th.Property(
        "partition_key", _NAMES, required=True, description="Columns of the partition key."
    ),
    th.Property(
        "clustering_key",
        th.ArrayType(
            th.ObjectType(
                th.Property("name", th.StringType, required=True),
                th.Property("order", th.StringType, allowed_values=["asc", "desc"]),
            )
        ),
        description="Clustering columns with their order (asc, desc).",
    ),
    th.Property(
        "columns", _NAMES, description="Other columns; default: all properties of the stream."
    ),
    th.Property(
        "explode", th.StringType, description="Array that gives a row for each of its elements."
    ),
    th.Property(
        "derive",
        th.ObjectType(additional_properties=True),
        description="Columns made from a date or time: {played_on: {from: played_at, unit: day}}; "
        "unit is day (a date) or month (text, 2026-05).",
    ),
    th.Property(
        "when_null",
        th.ObjectType(additional_properties=True),
        description="What a null clustering value becomes: {released_date: 0001-01-01}.",
    ),
    th.Property(
        "types",
        th.ObjectType(additional_properties=True),
        description="User-defined type for the objects of a property: {credits: credit}; default: "
        "JSON text.",
    ),
    th.Property("ttl_seconds", th.IntegerType, description="Life of a row, 0 for ever."),
    th.Property(
        "moves",
        th.BooleanType,
        description="Whether a row's key can change while its stream's key does not; default: "
        "whether some column of the key is none of the stream's key.",
    ),
    th.Property(
        "delete",
        th.StringType,
        allowed_values=["row", "partition"],
        description="What a delete removes where keys cannot change: its row, or its partition.",
    ),
    additional_properties=False,
)

CONFIG_JSONSCHEMA: dict[str, Any] = th.PropertiesList(
    th.Property(
        "contact_points",
        th.ArrayType(th.StringType),
        title="Contact points",
        description="Names or addresses of nodes, the first of which that answers tells the rest.",
    ),
    th.Property(
        "port", th.IntegerType, default=9042, title="Port", description="Native transport port."
    ),
    th.Property(
        "keyspace", th.StringType, required=True, title="Keyspace", description="Keyspace to load."
    ),
    th.Property("username", th.StringType, title="User", description="Role to connect as."),
    *TARGET_PASSWORD,
    th.Property(
        "local_dc",
        th.StringType,
        title="Local data centre",
        description="Data centre whose nodes are written to, and no others; default: that of the "
        "first contact point.",
    ),
    th.Property(
        "secure_connect_bundle",
        th.StringType,
        title="Secure connect bundle",
        description="Path of an Astra bundle, in place of contact points and certificates.",
    ),
    th.Property(
        "ssl_ca_certificate",
        th.StringType,
        title="TLS certificate authority",
        description="Path of the PEM file that says who may have signed the nodes' certificates. "
        "TLS is used when it is given.",
    ),
    th.Property(
        "ssl_client_certificate",
        th.StringType,
        title="TLS client certificate",
        description="Path of the client's certificate, PEM.",
    ),
    th.Property(
        "ssl_client_private_key",
        th.StringType,
        title="TLS client key",
        description="Path of the client's private key, PEM.",
    ),
    th.Property(
        "ssl_verify_hostname",
        th.BooleanType,
        default=True,
        title="Check host names",
        description="Whether a node's certificate must be made out to the node.",
    ),
    th.Property(
        "ssl_server_name",
        th.StringType,
        title="TLS server name",
        description="Name that every node's certificate is made out to; default: the node's "
        "address, which few certificates hold where addresses change.",
    ),
    th.Property(
        "consistency_level",
        th.StringType,
        default="LOCAL_QUORUM",
        allowed_values=list(CONSISTENCY_LEVELS),
        title="Consistency level",
        description="How many replicas must have acknowledged a write before STATE speaks of it.",
    ),
    th.Property(
        "request_timeout_seconds",
        th.NumberType,
        default=30,
        title="Request timeout",
        description="Seconds after which a request counts as lost and is sent again.",
    ),
    th.Property(
        "max_concurrent_requests",
        th.IntegerType,
        default=256,
        title="Most requests at once",
        description="Requests that are under way at the most.",
    ),
    th.Property(
        "retry_attempts",
        th.IntegerType,
        default=10,
        title="Attempts",
        description="How often a request is sent before the load ends.",
    ),
    th.Property(
        "retry_backoff_seconds",
        th.NumberType,
        default=0.2,
        title="Backoff",
        description="Wait before the second attempt; it doubles each time, up to 10 seconds.",
    ),
    th.Property(
        "max_batch_bytes",
        th.IntegerType,
        default=5120,
        title="Batch size in bytes",
        description="Size of an unlogged batch; servers warn above 5 KiB and refuse above 50 KiB "
        "unless told otherwise.",
    ),
    th.Property(
        "lock_seconds",
        th.IntegerType,
        default=30,
        title="Lock",
        description="Seconds for which the lock on a table whose keys can change outlives a "
        "loader that was killed.",
    ),
    th.Property(
        "create_keyspace",
        th.BooleanType,
        default=False,
        title="Create the keyspace",
        description="Whether the keyspace is made if it is not there.",
    ),
    th.Property(
        "replication",
        th.ObjectType(additional_properties=True),
        default={"class": "NetworkTopologyStrategy", "replication_factor": 3},
        title="Replication",
        description="Replication of a keyspace that is made.",
    ),
    th.Property(
        "create_tables",
        th.BooleanType,
        default=False,
        title="Create tables",
        description="Whether tables and types are made if they are not there.",
    ),
    th.Property(
        "on_schema_change",
        th.StringType,
        default=OnSchemaChange.FAIL.value,
        allowed_values=[value.value for value in OnSchemaChange],
        title="On a schema change",
        description="Whether a load ends at a table that lacks a column, or adds it.",
    ),
    th.Property(
        "tables",
        th.ArrayType(_TABLE),
        title="Tables",
        description="One for each query, each fed by one stream; streams that feed none are left "
        "out. Default: a table for each stream, with the stream's key as partition key.",
    ),
    th.Property(
        "ttl_seconds",
        th.IntegerType,
        default=0,
        title="Time to live",
        description="Life of rows in tables that do not say their own, 0 for ever.",
    ),
    th.Property(
        "null_handling",
        th.StringType,
        default=NullHandling.UNSET.value,
        allowed_values=[value.value for value in NullHandling],
        title="Nulls",
        description="Whether a null leaves its column as it is and writes no tombstone, or empties "
        "it.",
    ),
    th.Property(
        "delete_mode",
        th.StringType,
        default=DeleteMode.HARD.value,
        allowed_values=[value.value for value in DeleteMode],
        title="Delete mode",
        description="What a record with _sdc_deleted_at does to its rows: removes them, marks "
        "them, or nothing.",
    ),
    *TARGET_QUARANTINE,
    th.Property(
        "batch_size_rows",
        th.IntegerType,
        default=20_000,
        title="Batch size in rows",
        description="Records after which at the latest all are acknowledged and STATE is printed.",
    ),
    th.Property(
        "batch_size_bytes",
        th.IntegerType,
        default=16 * 1024 * 1024,
        title="Batch size in bytes",
        description="Bytes of records after which the same is done. Several times as much is held "
        "in memory.",
    ),
    th.Property(
        "batch_wait_limit_seconds",
        th.NumberType,
        default=30,
        title="Batch wait limit",
        description="Seconds after which the same is done.",
    ),
    th.Property(
        "run_id",
        th.StringType,
        title="Run",
        description="Names this run in rejected rows and locks; a UUID is made when it is empty.",
    ),
).to_dict()
