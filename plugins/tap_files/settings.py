"""The tap's settings: what ``--about`` shows, and what the rest of the tap reads."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from singer_kit.contract import ContractMode
from singer_kit.errors import ConfigError
from tap_files.formats import FORMATS, Dialect
from tap_files.formats.document import PLAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

FILES_STREAM = "_files"
_DIALECT = [each.name for each in fields(Dialect)]

_STREAM = th.ObjectType(
    th.Property("name", th.StringType, required=True, description="Name of the stream."),
    th.Property("prefix", th.StringType, description="Keys begin with it; for example `lyrics/`."),
    th.Property(
        "pattern", th.StringType, description="Regular expression found in the keys to read."
    ),
    th.Property(
        "format",
        th.StringType(allowed_values=["auto", *FORMATS]),
        description="Format of the files; `auto` goes by the ending and leaves other files alone.",
    ),
    th.Property(
        "compression",
        th.StringType(allowed_values=["auto", "none", "gzip", "zstd", "bzip2", "zip"]),
        description="Compression of the files; `auto` goes by their first bytes.",
    ),
    th.Property(
        "key_properties",
        th.ArrayType(th.StringType),
        description="Fields that identify a record within a file; default: the document's line.",
    ),
    th.Property(
        "explode",
        th.StringType,
        description="Field whose array elements become the records of this stream.",
    ),
    th.Property(
        "schema_strategy",
        th.StringType(allowed_values=["raw", "declared", "infer"]),
        description=(
            "Columns: `raw` (key fields and the whole `document`), `declared` by the contract, "
            "`schema` or the catalog (other fields go to `_sdc_extra`), `infer` from the "
            "documents; default: declared where something declares it."
        ),
    ),
    th.Property(
        "schema",
        th.CustomType({"type": ["string", "object", "null"]}),
        description="JSON Schema of the records, or the path of a file with it.",
    ),
    th.Property(
        "date_fields",
        th.ArrayType(th.StringType),
        description="With `infer`: fields whose text is a date and time.",
    ),
    th.Property(
        "encoding",
        th.StringType,
        description="What text is written in, unless a byte order mark says it; default: UTF-8.",
    ),
    th.Property(
        "json_path",
        th.StringType,
        description="JSON: keys that lead to the array of documents, such as `data.items`.",
    ),
    th.Property(
        "delimiter",
        th.StringType,
        description="CSV: what stands between fields; default: a comma, a tab in `.tsv`.",
    ),
    th.Property(
        "quotechar",
        th.StringType,
        description='CSV: what a field may stand in; default: `"`; `none`: no quotes.',
    ),
    th.Property(
        "field_names",
        th.ArrayType(th.StringType),
        description="CSV: names of the columns of files without a header.",
    ),
    th.Property(
        "skip_lines",
        th.IntegerType(minimum=0),
        description="CSV: so many lines stand before the header, or the first row without one.",
    ),
    additional_properties=False,
)

CONFIG_SCHEMA: dict[str, Any] = th.PropertiesList(
    th.Property(
        "protocol",
        th.StringType(allowed_values=["s3", "file"]),
        default="s3",
        description="Where the files are: S3 (any server that speaks it) or a local folder.",
    ),
    th.Property(
        "bucket",
        th.StringType(min_length=1),
        required=True,
        description="Bucket; with protocol `file` the path of the root folder.",
    ),
    th.Property(
        "endpoint_url", th.StringType, description="Address of the S3 server; default: AWS."
    ),
    th.Property("region_name", th.StringType, description="Region; default: `AWS_REGION`."),
    th.Property(
        "aws_access_key_id",
        th.StringType,
        secret=True,
        description="Access key; default: the usual AWS chain (environment, files, roles).",
    ),
    th.Property(
        "aws_secret_access_key",
        th.StringType,
        secret=True,
        description="Secret key that belongs to the access key.",
    ),
    th.Property(
        "aws_session_token",
        th.StringType,
        secret=True,
        description="Session token of temporary credentials.",
    ),
    th.Property(
        "addressing_style",
        th.StringType(allowed_values=["path", "virtual", "auto"]),
        default="path",
        description="Whether the bucket is named in the path or in the host name.",
    ),
    th.Property(
        "verify_tls",
        th.BooleanType,
        default=True,
        description="Whether the server's certificate must be valid.",
    ),
    th.Property(
        "ca_bundle", th.StringType, description="Path of the certificates to verify it with."
    ),
    th.Property(
        "streams",
        th.ArrayType(_STREAM),
        required=True,
        description=(
            "The streams; those that read the same files in the same way share one reading of "
            "each file."
        ),
    ),
    th.Property(
        "start_date",
        th.DateTimeType,
        description="Files last modified before it are left alone.",
    ),
    th.Property(
        "lookback_seconds",
        th.IntegerType(minimum=0),
        default=3600,
        description=(
            "How late a file may appear behind newer ones, once there are more files than "
            "`max_state_keys`."
        ),
    ),
    th.Property(
        "max_state_keys",
        th.IntegerType(minimum=1),
        default=10_000,
        description=(
            "Up to so many files the state knows each by name; above, only those within "
            "`lookback_seconds` of the newest."
        ),
    ),
    th.Property(
        "on_bad_file",
        th.StringType(allowed_values=["fail", "quarantine", "skip"]),
        default="fail",
        description=(
            "What happens to a file or document that cannot be read: stop, a row in the "
            "quarantine stream, or only a warning."
        ),
    ),
    th.Property(
        "contract_mode",
        th.StringType(allowed_values=[mode.value for mode in ContractMode]),
        default=ContractMode.OFF.value,
        description="What happens to a document that breaks its stream's contract.",
    ),
    th.Property(
        "contract_models",
        th.ObjectType(additional_properties=th.StringType),
        default={},
        description="Stream to dotted path of its pydantic model: `{lyrics: package.Lyric}`.",
    ),
    th.Property(
        "quarantine_stream_suffix",
        th.StringType(min_length=1),
        default="__rejected",
        description="What a stream's quarantine stream has behind its name.",
    ),
    th.Property(
        "max_rejected_ratio",
        th.NumberType(minimum=0, maximum=1),
        default=0.1,
        description="Share of a stream's documents, from 1,000 on, whose rejection ends the run.",
    ),
    th.Property(
        "max_run_seconds",
        th.IntegerType(minimum=0),
        default=0,
        description="The run ends at the next safe point after so long; 0: no limit.",
    ),
).to_dict()


@dataclass(frozen=True)
class StreamSettings:
    """One element of the setting ``streams``."""

    name: str
    prefix: str = ""
    pattern: str | None = None
    format: str = "auto"
    compression: str = "auto"
    key_properties: tuple[str, ...] = ()
    explode: str | None = None
    schema_strategy: str | None = None
    schema: str | Mapping[str, Any] | None = None
    date_fields: tuple[str, ...] = ()
    dialect: Dialect = PLAIN

    @property
    def source(self) -> SourceSettings:
        """Return which files the stream is read from, and how."""
        return SourceSettings(
            self.prefix, self.pattern, self.format, self.compression, self.dialect
        )


@dataclass(frozen=True)
class SourceSettings:
    """A set of files; streams of the same source share one reading of each file."""

    prefix: str
    pattern: str | None
    format: str
    compression: str = "auto"
    dialect: Dialect = PLAIN

    def matches(self, key: str) -> bool:
        """Return whether the key is one of this source's."""
        return key.startswith(self.prefix) and (
            self.pattern is None or re.search(self.pattern, key) is not None
        )


@dataclass(frozen=True)
class Settings:
    """The settings, checked and typed."""

    bucket: str
    streams: tuple[StreamSettings, ...]
    protocol: str = "s3"
    endpoint_url: str | None = None
    region_name: str | None = None
    aws_access_key_id: str | None = field(default=None, repr=False)
    aws_secret_access_key: str | None = field(default=None, repr=False)
    aws_session_token: str | None = field(default=None, repr=False)
    addressing_style: str = "path"
    verify_tls: bool = True
    ca_bundle: str | None = None
    start_date: datetime | None = None
    lookback_seconds: int = 3600
    max_state_keys: int = 10_000
    on_bad_file: str = "fail"
    contract_mode: ContractMode = ContractMode.OFF
    contract_models: Mapping[str, str] = field(default_factory=dict)
    quarantine_stream_suffix: str = "__rejected"
    max_rejected_ratio: float = 0.1
    max_run_seconds: int = 0

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Settings:
        """Read settings that passed the JSON Schema; an empty text counts as not given.

        Raises:
            ConfigError: settings contradict each other.
        """
        given = {
            name: value
            for name, value in config.items()
            if name in cls.__dataclass_fields__ and value not in (None, "")
        }
        given["streams"] = tuple(_stream(value) for value in given["streams"])
        given["contract_mode"] = ContractMode(given.get("contract_mode", ContractMode.OFF))
        if "start_date" in given:
            given["start_date"] = _start_date(given["start_date"])
        settings = cls(**given)
        settings.check()
        return settings

    @property
    def lookback(self) -> timedelta:
        """Return the look-back window."""
        return timedelta(seconds=self.lookback_seconds)

    @property
    def quarantines(self) -> bool:
        """Return whether there are quarantine streams."""
        return "quarantine" in (self.on_bad_file, self.contract_mode)

    def sources(self) -> dict[SourceSettings, list[StreamSettings]]:
        """Return the streams by what they are read from, both in the order given."""
        sources: dict[SourceSettings, list[StreamSettings]] = {}
        for stream in self.streams:
            sources.setdefault(stream.source, []).append(stream)
        return sources

    def strategy(self, stream: StreamSettings) -> str:
        """Return how the stream comes by its schema."""
        declares = stream.schema or (
            stream.name in self.contract_models and self.contract_mode != ContractMode.OFF
        )
        return stream.schema_strategy or ("declared" if declares else "raw")

    def _check_strategy(self, stream: StreamSettings) -> None:
        infers = stream.schema_strategy == "infer"
        if infers and (stream.schema or stream.name in self.contract_models):
            raise ConfigError(
                f"stream {stream.name!r}: 'schema_strategy' is infer, but a schema or contract "
                "declares it; leave out one"
            )
        if stream.date_fields and not infers:
            raise ConfigError(
                f"stream {stream.name!r}: 'date_fields' is for schema_strategy infer; "
                "a declared schema says it by format date-time"
            )

    def check(self) -> None:
        """Raise ConfigError where settings that are right alone are wrong together."""
        names = [stream.name for stream in self.streams]
        if len(set(names)) < len(names) or FILES_STREAM in names:
            raise ConfigError(
                f"setting 'streams': names must differ from each other and from {FILES_STREAM!r}; "
                f"found {', '.join(names)}"
            )
        if unknown := sorted(set(self.contract_models) - set(names)):
            raise ConfigError(
                f"setting 'contract_models': no stream is named {', '.join(unknown)}; "
                f"streams are {', '.join(names)}"
            )
        for stream in self.streams:
            if stream.explode and not stream.key_properties:
                raise ConfigError(
                    f"stream {stream.name!r}: 'explode' needs 'key_properties', because several "
                    "records come from one line"
                )
            self._check_strategy(stream)
            _check_dialect(stream)
            try:
                re.compile(stream.pattern or "")
            except re.error as error:
                raise ConfigError(
                    f"stream {stream.name!r}: 'pattern' is no regular expression ({error})"
                ) from None


def _stream(value: Mapping[str, Any]) -> StreamSettings:
    given = {name: setting for name, setting in value.items() if setting not in (None, "")}
    for name in ("key_properties", "date_fields"):
        given[name] = tuple(given.get(name, ()))
    written = {name: given.pop(name) for name in _DIALECT if name in given}
    if "field_names" in written:
        written["field_names"] = tuple(written["field_names"])
    if "json_path" in written:
        written["json_path"] = tuple(written["json_path"].removeprefix("$.").split("."))
    if written.get("quotechar") == "none":
        written["quotechar"] = None
    return StreamSettings(**given, dialect=Dialect(**written))


def _check_dialect(stream: StreamSettings) -> None:
    """Raise ConfigError where nothing could be read as the settings say."""
    dialect = stream.dialect
    try:
        with suppress(UnicodeDecodeError):
            b" ".decode(dialect.encoding)
    except LookupError:
        raise ConfigError(
            f"stream {stream.name!r}: 'encoding' {dialect.encoding!r} is not known; "
            "give a name such as utf-8, utf-16 or latin-1"
        ) from None
    for name in ("delimiter", "quotechar"):
        value = getattr(dialect, name)
        if value is not None and (len(value) != 1 or value in "\r\n"):
            raise ConfigError(f"stream {stream.name!r}: {name!r} must be one character")
    if dialect.quotechar and dialect.quotechar == (dialect.delimiter or ","):
        raise ConfigError(f"stream {stream.name!r}: 'delimiter' and 'quotechar' must differ")
    names = dialect.field_names
    if len(set(names)) < len(names) or not all(names):
        raise ConfigError(f"stream {stream.name!r}: 'field_names' must differ, and none be empty")
    if not all(dialect.json_path or ["$"]):
        raise ConfigError(
            f"stream {stream.name!r}: 'json_path' names keys with dots between, such as data.items"
        )


def _start_date(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"setting 'start_date': {text!r} is no date; write it like 2026-03-19T00:00:00Z"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
