"""The tap's settings: what ``--about`` shows, and what the rest of the tap reads.

Names that MeltanoLabs' tap-mongodb has keep their meaning, so that its configuration runs here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bson import Timestamp
from singer_sdk import typing as th

from singer_kit.contract import ContractMode
from singer_kit.errors import ConfigError
from singer_kit.settings import TAP_QUARANTINE

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCUMENT_OPERATIONS = ("create", "delete", "insert", "replace", "update")
OPERATIONS = (
    *DOCUMENT_OPERATIONS,
    "createIndexes",
    "drop",
    "dropDatabase",
    "dropIndexes",
    "invalidate",
    "modify",
    "rename",
    "shardCollection",
)


def _choice(name: str, values: tuple[str, ...], description: str) -> th.Property[Any]:
    """Return a setting with listed values, the first of which is the default."""
    return th.Property(
        name,
        th.StringType(allowed_values=list(values)),
        default=values[0],
        description=description,
    )


def _number(name: str, default: int, description: str, minimum: int = 0) -> th.Property[Any]:
    return th.Property(
        name, th.IntegerType(minimum=minimum), default=default, description=description
    )


_CONNECTION = (
    th.Property(
        "database", th.StringType(min_length=1), required=True, description="Database to read."
    ),
    th.Property(
        "mongodb_connection_string",
        th.StringType,
        secret=True,
        description="Connection string, with every option that pymongo knows (TLS, SCRAM, x509).",
    ),
    th.Property(
        "mongodb_password_file",
        th.StringType,
        description="File that holds the password of the connection string's user.",
    ),
    th.Property(
        "documentdb_credential_json_string",
        th.StringType,
        secret=True,
        description=(
            "In place of a connection string: the JSON of an AWS secret, with username, password, "
            "host and port."
        ),
    ),
    th.Property(
        "documentdb_credential_json_extra_options",
        th.StringType,
        description='Options for that connection as a JSON object: `{"tls": "true", …}`.',
    ),
)

_SELECTION = (
    th.Property("prefix", th.StringType, default="", description="What stream names begin with."),
    th.Property(
        "filter_collections",
        th.ArrayType(th.StringType),
        default=[],
        description="Collections to offer, in any case; default: all.",
    ),
    th.Property(
        "operation_types",
        th.ArrayType(th.StringType(allowed_values=list(OPERATIONS))),
        default=list(DOCUMENT_OPERATIONS),
        description="Operations that `changelog` writes a record of.",
    ),
    th.Property(
        "change_stream_pipeline",
        th.ArrayType(th.ObjectType(additional_properties=True)),
        default=[],
        description="Further stages of the change stream's pipeline, run by the server.",
    ),
    th.Property(
        "allow_modify_change_streams",
        th.BooleanType,
        default=False,
        description="Whether the tap may switch on DocumentDB's change streams where they are off.",
    ),
)

_READING = (
    _choice(
        "output_mode",
        ("upsert", "changelog", "both"),
        "`upsert`: the collection's current state; `changelog`: MeltanoLabs' events alone; `both`: "
        "current state, and every event in `<collection>__changes`.",
    ),
    _choice(
        "snapshot_mode",
        ("initial", "initial_only", "no_data", "always"),
        "When the whole collection is read: once; once and no changes; never; in every run.",
    ),
    _choice(
        "on_history_lost",
        ("resnapshot", "fail", "start_from_now"),
        "When the changes since the last run are gone: read all again and mark what is deleted; "
        "stop with exit code 4; go on with a gap.",
    ),
    _choice(
        "capture_scope",
        ("database", "collection"),
        "One change stream for all collections, or one for each (always so in `changelog`).",
    ),
    th.Property(
        "start_date",
        th.StringType(pattern=r"^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d\+00:00)?$"),
        default="1970-01-01",
        description=(
            "`changelog`: the time in ids behind which streams of replication method INCREMENTAL "
            "begin."
        ),
    ),
    th.Property(
        "start_at_operation_time",
        th.StringType(pattern=r"^\d+\.\d+$"),
        description=(
            "Cluster time (`seconds.increment`) at which changes begin where the state has no "
            "position yet."
        ),
    ),
    _choice(
        "run_until",
        ("caught_up", "idle"),
        "A run ends once it has every change up to its own beginning, or after "
        "`idle_timeout_seconds` without any.",
    ),
    _number(
        "max_run_seconds", 0, "The run ends at the next safe point after so long; 0: no limit."
    ),
    _number("max_events", 0, "The run ends at the next safe point after so many; 0: no limit."),
    _number("idle_timeout_seconds", 10, "How long `run_until: idle` waits for a change.", 1),
    _number(
        "await_time_ms",
        1000,
        "How long the server waits for changes, over the two empty answers that end a quiet run.",
        2,
    ),
    _number(
        "snapshot_chunk_size",
        10_000,
        "Documents asked for at once, and between two looks at the clock.",
        1,
    ),
    _number(
        "snapshot_round_seconds",
        300,
        "How long documents are read before changes are caught up with, so that a long snapshot "
        "loses no history.",
    ),
    _number("state_interval_records", 1000, "Records between two states.", 1),
    _choice(
        "full_document",
        ("auto", "updateLookup", "whenAvailable", "required"),
        "Where an update's document comes from; `auto`: its post-image where all collections keep "
        "them, else a look-up.",
    ),
    _choice(
        "full_document_before_change",
        ("off", "whenAvailable", "required"),
        "Whether events bring the document as it was.",
    ),
    _choice(
        "delete_payload",
        ("keep_last", "key_only", "pre_image"),
        "What a delete does to the row's other columns: leave, empty, or fill with the document "
        "as it was.",
    ),
    _choice(
        "on_collection_drop",
        ("activate_version", "ignore", "fail"),
        "When a collection is dropped or renamed: mark its rows deleted; leave them; stop.",
    ),
    _choice(
        "oversize_events",
        ("split", "fail", "skip_and_quarantine"),
        "Events above 16 MB: taken in parts where the server can; the run stops; or the event is "
        "taken without its documents, the row is read by its key, and quarantine says so.",
    ),
    _number(
        "min_oplog_window_hours", 24, "A shorter oplog is warned of, where it can be looked at."
    ),
)

_DOCUMENTS = (
    _choice(
        "schema_strategy",
        ("raw", "declared", "infer"),
        "`raw`: columns `_id` and `document`; `declared`: a contract's or JSON Schema's; `infer`: "
        "from a sample.",
    ),
    _number("infer_schema_max_docs", 1000, "Documents of a collection that `infer` looks at.", 1),
    _choice(
        "bson_mode",
        ("plain", "relaxed_extjson", "canonical_extjson"),
        "How BSON types are written in JSON; canonical gives back the same bytes.",
    ),
    _choice(
        "nonfinite_numbers",
        ("null", "string", "fail"),
        "What NaN and infinities become in plain JSON.",
    ),
    _choice(
        "out_of_range_dates",
        ("null", "string", "fail"),
        "What dates before year 1 or after 9999 become in plain JSON.",
    ),
    _choice(
        "datetime_conversion",
        ("datetime", "datetime_ms", "datetime_auto", "datetime_clamp"),
        "How `changelog` reads dates out of range, in pymongo's words.",
    ),
    _choice(
        "document_layout",
        ("object", "flat"),
        "`changelog`: the document as one object, or each field of the catalog's schema by itself.",
    ),
    th.Property(
        "add_record_metadata",
        th.BooleanType,
        default=False,
        description="`changelog`: whether records have `_sdc_extracted_at` and its like.",
    ),
    th.Property(
        "json_schemas",
        th.ObjectType(additional_properties=th.StringType),
        default={},
        description="`declared`: collection to path of its JSON Schema.",
    ),
    th.Property(
        "contract_models",
        th.ObjectType(additional_properties=th.StringType),
        default={},
        description="`declared`: collection to dotted path of its pydantic model.",
    ),
    _choice(
        "contract_mode",
        tuple(mode.value for mode in ContractMode),
        "What happens to a document that breaks its contract.",
    ),
    *TAP_QUARANTINE,
)

CONFIG_SCHEMA: dict[str, Any] = th.PropertiesList(
    *_CONNECTION, *_SELECTION, *_READING, *_DOCUMENTS
).to_dict()


NOT_DONE = ("stream_maps", "stream_map_config", "batch_config")
"""What MeltanoLabs' tap does and this one does not: to leave it out in silence could leak data."""


@dataclass(frozen=True)
class Settings:
    """The settings, checked and typed; each is described in :data:`CONFIG_SCHEMA`."""

    database: str
    mongodb_connection_string: str | None = field(default=None, repr=False)
    mongodb_password_file: str | None = None
    documentdb_credential_json_string: str | None = field(default=None, repr=False)
    documentdb_credential_json_extra_options: str | None = field(default=None, repr=False)
    prefix: str = ""
    filter_collections: tuple[str, ...] = ()
    operation_types: tuple[str, ...] = DOCUMENT_OPERATIONS
    change_stream_pipeline: tuple[Mapping[str, Any], ...] = ()
    allow_modify_change_streams: bool = False
    output_mode: str = "upsert"
    snapshot_mode: str = "initial"
    on_history_lost: str = "resnapshot"
    capture_scope: str = "database"
    start_date: str = "1970-01-01"
    start_at_operation_time: Timestamp | None = None
    run_until: str = "caught_up"
    max_run_seconds: int = 0
    max_events: int = 0
    idle_timeout_seconds: int = 10
    await_time_ms: int = 1000
    snapshot_chunk_size: int = 10_000
    snapshot_round_seconds: int = 300
    state_interval_records: int = 1000
    full_document: str = "auto"
    full_document_before_change: str = "off"
    delete_payload: str = "keep_last"
    on_collection_drop: str = "activate_version"
    oversize_events: str = "split"
    min_oplog_window_hours: int = 24
    schema_strategy: str = "raw"
    infer_schema_max_docs: int = 1000
    bson_mode: str = "plain"
    nonfinite_numbers: str = "null"
    out_of_range_dates: str = "null"
    datetime_conversion: str = "datetime"
    document_layout: str = "object"
    add_record_metadata: bool = False
    json_schemas: Mapping[str, str] = field(default_factory=dict)
    contract_models: Mapping[str, str] = field(default_factory=dict)
    contract_mode: ContractMode = ContractMode.OFF
    quarantine_stream_suffix: str = "__rejected"
    max_rejected_ratio: float = 0.1

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Settings:
        """Read settings that passed the JSON Schema; an empty text counts as not given.

        Raises:
            ConfigError: settings contradict each other, none says where the server is, or one
                asks for what this tap does not do.
        """
        if asked := [name for name in NOT_DONE if config.get(name)]:
            raise ConfigError(
                f"setting {asked[0]!r}: this tap maps no streams and writes no batch files; take "
                "the setting away, and use a mapper plugin behind the tap"
            )
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in config.items()
            if name in cls.__dataclass_fields__ and value not in (None, "")
        }
        given["contract_mode"] = ContractMode(given.get("contract_mode", ContractMode.OFF))
        if text := given.get("start_at_operation_time"):
            seconds, _, increment = text.partition(".")
            given["start_at_operation_time"] = Timestamp(int(seconds), int(increment))
        settings = cls(**given)
        settings.check()
        return settings

    @property
    def is_changelog(self) -> bool:
        """Whether events alone are written, in MeltanoLabs' shape."""
        return self.output_mode == "changelog"

    @property
    def await_seconds(self) -> float:
        """How long the server waits for one answer: two empty ones end a quiet run."""
        return self.await_time_ms / 2_000

    @property
    def quarantines(self) -> bool:
        """Whether documents may end in quarantine streams."""
        return self.contract_mode is ContractMode.QUARANTINE

    def stream_name(self, collection: str) -> str:
        """Return the stream's name for a collection; as MeltanoLabs has it in `changelog`."""
        if self.is_changelog:
            return "_".join(part for part in (self.prefix, collection) if part).lower()
        return "_".join(part for part in (self.prefix, collection) if part)

    def check(self) -> None:
        """Raise ConfigError where settings that are right alone are wrong together."""
        if not (self.mongodb_connection_string or self.documentdb_credential_json_string):
            raise ConfigError(
                "settings: none of mongodb_connection_string and documentdb_credential_json_string "
                "is given; set one to say where the server is"
            )
        if self.delete_payload == "pre_image" and self.full_document_before_change == "off":
            raise ConfigError(
                "setting 'delete_payload': pre_image needs full_document_before_change to be "
                "whenAvailable or required"
            )
