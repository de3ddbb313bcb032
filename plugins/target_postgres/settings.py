"""The settings, under the names that MeltanoLabs' target-postgres made known."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from singer_kit.settings import TARGET_PASSWORD, TARGET_QUARANTINE, OnInvalidRecord
from target_postgres.carried_over import refuse
from target_postgres.copytext import NullCharacter
from target_postgres.deletes import DeleteMode
from target_postgres.identifiers import IdentifierCase
from target_postgres.placement import Placement
from target_postgres.type_changes import OnTypeChange

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

logger = logging.getLogger("target-postgres")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that a load needs, checked."""

    schema: str
    placement: Placement
    select_permission: tuple[str, ...]
    before_run_sql: str | None
    after_run_sql: str | None
    run_id: str
    add_record_metadata: bool
    activate_version: bool
    delete_mode: DeleteMode
    tombstone_retention_days: float
    on_type_change: OnTypeChange
    null_character: NullCharacter
    on_invalid_record: OnInvalidRecord
    max_rejected_ratio: float
    batch_size_rows: int
    batch_size_bytes: int
    batch_wait_limit_seconds: float

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Settings:
        """Return the settings in a validated configuration.

        Raises:
            ConfigError: it asks for what this target does not do.
        """
        refuse(config)
        run_id = config.get("run_id") or ""
        if not run_id:
            run_id = str(uuid.uuid4())
            logger.info("no run_id given: this run is %s", run_id)
        return cls(
            schema=config["default_target_schema"],
            placement=Placement(config),
            select_permission=_names(config.get("default_target_schema_select_permission")),
            before_run_sql=config.get("before_run_sql"),
            after_run_sql=config.get("after_run_sql"),
            run_id=run_id,
            add_record_metadata=config["add_record_metadata"],
            activate_version=config["activate_version"],
            delete_mode=DeleteMode.HARD
            if config.get("hard_delete")
            else DeleteMode(config["delete_mode"]),
            tombstone_retention_days=config["tombstone_retention_days"],
            on_type_change=OnTypeChange(config["on_type_change"]),
            null_character=NullCharacter.STRIP
            if config.get("sanitize_null_text_characters")
            else NullCharacter(config["null_character"]),
            on_invalid_record=OnInvalidRecord(config["on_invalid_record"]),
            max_rejected_ratio=config["max_rejected_ratio"],
            batch_size_rows=config["batch_size_rows"],
            batch_size_bytes=config["batch_size_bytes"],
            batch_wait_limit_seconds=config["batch_wait_limit_seconds"],
        )


def _names(given: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return names that may be given as one."""
    return (given,) if isinstance(given, str) else tuple(given or ())


CONFIG_JSONSCHEMA: dict[str, Any] = th.PropertiesList(
    th.Property("host", th.StringType, title="Host", description="Name or address of the server."),
    th.Property("port", th.IntegerType, title="Port", description="Port of the server."),
    th.Property("user", th.StringType, title="User", description="Role to connect as."),
    *TARGET_PASSWORD,
    th.Property(
        "database", th.StringType, title="Database", description="Database that is loaded into."
    ),
    th.Property(
        "sqlalchemy_url",
        th.StringType,
        secret=True,
        title="Address",
        description="The whole address as one URL; host, port, user, password, password_file, "
        "database and ssl settings are then not looked at.",
    ),
    th.Property(
        "ssl_enable",
        th.BooleanType,
        title="TLS",
        description="Whether to ask for TLS. When absent, ssl_mode alone decides.",
    ),
    th.Property(
        "ssl_mode",
        th.StringType,
        allowed_values=["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
        title="TLS mode",
        description="How much of the server's certificate is checked, in libpq's words; "
        "verify-full when ssl_enable is set and this is not.",
    ),
    th.Property(
        "ssl_certificate_authority",
        th.StringType,
        title="TLS certificate authority",
        description="Who may have signed the server's certificate: a path, or the PEM text.",
    ),
    th.Property(
        "ssl_client_certificate_enable",
        th.BooleanType,
        title="TLS client certificate",
        description="Set to false to leave a configured client certificate unused.",
    ),
    th.Property(
        "ssl_client_certificate",
        th.StringType,
        title="TLS client certificate file",
        description="The client's certificate: a path, or the PEM text.",
    ),
    th.Property(
        "ssl_client_private_key",
        th.StringType,
        secret=True,
        title="TLS client key",
        description="The client's private key: a path, or the PEM text.",
    ),
    th.Property(
        "ssl_storage_directory",
        th.StringType,
        title="TLS folder",
        description="Where certificates given as PEM text are written while the load lasts; the "
        "system's folder for temporary files when absent.",
    ),
    th.Property(
        "application_name",
        th.StringType,
        default="target-postgres",
        title="Application name",
        description="How the session is named in pg_stat_activity.",
    ),
    th.Property(
        "lock_timeout_seconds",
        th.IntegerType,
        default=60,
        title="Lock timeout",
        description="How long a statement waits for a lock, in seconds, before its stream fails.",
    ),
    th.Property(
        "default_target_schema",
        th.StringType,
        default="public",
        title="Target schema",
        description="Schema that tables are made in. It is made too if it is not there.",
    ),
    th.Property(
        "schema_mapping",
        th.CustomType(
            {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "properties": {"target_schema": {"type": "string"}},
                    "required": ["target_schema"],
                    "additionalProperties": False,
                },
            }
        ),
        title="Schemas by source",
        description="For streams named <source>-<table>: the schema of each source, as in "
        '{"crm": {"target_schema": "raw_crm"}}; such a table is named without its source.',
    ),
    th.Property(
        "table_overrides",
        th.CustomType(
            {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "properties": {
                        "schema": {"type": "string"},
                        "table": {"type": "string"},
                        "indexes": {
                            "type": "array",
                            "items": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                        },
                        "fillfactor": {"type": "integer", "minimum": 10, "maximum": 100},
                    },
                    "additionalProperties": False,
                },
            }
        ),
        title="Tables by stream",
        description="What differs for one stream's table: its schema and table, taken as they "
        "are, indexes by the names of properties, and the fillfactor, as in "
        '{"Users": {"table": "people", "indexes": [["email"], ["city", "age"]], '
        '"fillfactor": 80}}.',
    ),
    th.Property(
        "default_target_schema_select_permission",
        th.CustomType({"type": ["array", "string"], "items": {"type": "string"}}),
        title="Select permission",
        description="Roles that may read the streams' tables, but not what was rejected.",
    ),
    th.Property(
        "before_run_sql",
        th.StringType,
        title="SQL before the run",
        description="Run in one transaction before the first stream's table is looked at; the "
        "load ends when it fails.",
    ),
    th.Property(
        "after_run_sql",
        th.StringType,
        title="SQL after the run",
        description="Run in one transaction once all rows of all streams are committed.",
    ),
    th.Property(
        "identifier_case",
        th.StringType,
        default=IdentifierCase.PRESERVE.value,
        allowed_values=[value.value for value in IdentifierCase],
        title="Case of identifiers",
        description="Whether tables and columns keep the capital letters of streams and "
        "properties, or A to Z are folded as PostgreSQL folds what stands without quotes.",
    ),
    th.Property(
        "add_record_metadata",
        th.BooleanType,
        default=True,
        title="Add record metadata",
        description="Whether tables get Singer's _sdc_ columns.",
    ),
    th.Property(
        "activate_version",
        th.BooleanType,
        default=True,
        title="Process ACTIVATE_VERSION",
        description="Whether an ACTIVATE_VERSION message deletes rows of older versions, in the "
        "way of delete_mode.",
    ),
    th.Property(
        "delete_mode",
        th.StringType,
        default=DeleteMode.SOFT.value,
        allowed_values=[value.value for value in DeleteMode],
        title="Delete mode",
        description="What a record with _sdc_deleted_at does to its row: marks it, removes it, "
        "or nothing.",
    ),
    th.Property(
        "hard_delete",
        th.BooleanType,
        title="Hard delete",
        description="Set to true for delete_mode hard, whatever that says.",
    ),
    th.Property(
        "tombstone_retention_days",
        th.NumberType,
        default=30,
        title="Tombstone retention",
        description="Days for which the version of a removed row is kept in _sdc_tombstones, so "
        "that an older record cannot bring the row back.",
    ),
    th.Property(
        "on_type_change",
        th.StringType,
        default=OnTypeChange.WIDEN.value,
        allowed_values=[value.value for value in OnTypeChange],
        title="On a type change",
        description="What becomes of a column that is too narrow for the stream's type: widened "
        "where every value can be kept, else its stream fails; the same, but what cannot be "
        "widened goes to a new column beside it; or its stream fails.",
    ),
    *TARGET_QUARANTINE,
    th.Property(
        "null_character",
        th.StringType,
        default=NullCharacter.REPLACE.value,
        allowed_values=[value.value for value in NullCharacter],
        title="Null character",
        description="What becomes of U+0000, which PostgreSQL cannot store: replaced by U+FFFD, "
        "left out, or the record is invalid.",
    ),
    th.Property(
        "sanitize_null_text_characters",
        th.BooleanType,
        title="Sanitize null characters",
        description="Set to true for null_character strip, whatever that says.",
    ),
    th.Property(
        "batch_size_rows",
        th.IntegerType,
        default=100_000,
        title="Batch size in rows",
        description="Rows of one stream that are committed at the latest.",
    ),
    th.Property(
        "batch_size_bytes",
        th.IntegerType,
        default=16 * 1024 * 1024,
        title="Batch size in bytes",
        description="Bytes, of all streams together, that are committed at the latest. Twice "
        "as much is held in memory.",
    ),
    th.Property(
        "batch_wait_limit_seconds",
        th.NumberType,
        default=30,
        title="Batch wait limit",
        description="Seconds after which rows are committed at the latest.",
    ),
    th.Property(
        "run_id",
        th.StringType,
        title="Run",
        description="Names this run in _sdc_loads; a UUID is made when it is empty.",
    ),
).to_dict()
