"""The tap's settings: what ``--about`` shows, and what the rest of the tap reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from singer_kit.contract import ContractMode
from singer_kit.errors import ConfigError
from singer_kit.settings import TAP_QUARANTINE
from tap_files.manifest import read_manifest
from tap_files.stream_settings import STREAM, stream_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_files.manifest import Manifest
    from tap_files.stream_settings import SourceSettings, StreamSettings

FILES_STREAM = "_files"

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
        th.ArrayType(STREAM),
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
        "manifest",
        th.StringType,
        description=(
            "Path of a file of JSON lines with `key` and `etag`: of the files only these versions "
            "are read, and all others wait for another run."
        ),
    ),
    th.Property(
        "lookback_seconds",
        th.IntegerType(minimum=0),
        default=3600,
        description=(
            "Once there are more files than `max_state_keys`: how far behind the newest each is "
            "known by name. An older one that comes late is found too, unless hundreds do at once."
        ),
    ),
    th.Property(
        "max_state_keys",
        th.IntegerType(minimum=1),
        default=10_000,
        description=(
            "Up to so many files the state knows each by name; above, so many of those within "
            "`lookback_seconds` of the newest, and a digest of all. Also so many keys of records "
            "for `detect_deletes`."
        ),
    ),
    th.Property(
        "detect_deletes",
        th.StringType(allowed_values=["off", "soft"]),
        default="off",
        description=(
            "Whether records that vanished come as delete records (`_sdc_deleted_at`), for stores "
            "that are read without `_files`."
        ),
    ),
    th.Property(
        "fail_when_no_files_found",
        th.BooleanType,
        default=False,
        description=(
            "Whether a stream without any file, read or not, ends the run with exit code 3, after "
            "the others were read."
        ),
    ),
    th.Property(
        "on_bad_file",
        th.StringType(allowed_values=["fail", "quarantine", "skip"]),
        default="fail",
        description=(
            "What happens to a file that cannot be read: stop, a row in the quarantine stream, or "
            "only a warning."
        ),
    ),
    th.Property(
        "on_bad_line",
        th.StringType(allowed_values=["fail", "quarantine", "skip"]),
        description=(
            "The same for a line, row or document that cannot be read, while the rest of its file "
            "can; default: as `on_bad_file`."
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
    *TAP_QUARANTINE,
    th.Property(
        "max_run_seconds",
        th.IntegerType(minimum=0),
        default=0,
        description="The run ends at the next safe point after so long; 0: no limit.",
    ),
).to_dict()


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
    manifest: str | None = None
    lookback_seconds: int = 3600
    max_state_keys: int = 10_000
    detect_deletes: str = "off"
    fail_when_no_files_found: bool = False
    on_bad_file: str = "fail"
    on_bad_line: str | None = None
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
        given["streams"] = tuple(stream_of(value) for value in given["streams"])
        given["contract_mode"] = ContractMode(given.get("contract_mode", ContractMode.OFF))
        if "start_date" in given:
            given["start_date"] = _start_date(given["start_date"])
        settings = cls(**given)
        settings.check()
        return settings

    @cached_property
    def versions(self) -> Manifest | None:
        """Return which versions of files may be read, or None where any may.

        Raises:
            ConfigError: the manifest cannot be read.
        """
        return read_manifest(self.manifest) if self.manifest else None

    @property
    def lookback(self) -> timedelta:
        """Return the look-back window."""
        return timedelta(seconds=self.lookback_seconds)

    @property
    def detects_deletes(self) -> bool:
        """Return whether vanished records are told one by one."""
        return self.detect_deletes == "soft"

    @property
    def quarantines(self) -> bool:
        """Return whether there are quarantine streams."""
        return "quarantine" in (self.on_bad_file, self.on_bad_line, self.contract_mode)

    @property
    def bad_line(self) -> str:
        """Return what happens to a line that cannot be read."""
        return self.on_bad_line or self.on_bad_file

    def sources(self) -> dict[SourceSettings, list[StreamSettings]]:
        """Return the streams by what they are read from, both in the order given."""
        sources: dict[SourceSettings, list[StreamSettings]] = {}
        for stream in self.streams:
            sources.setdefault(stream.source, []).append(stream)
        return sources

    def strategy(self, stream: StreamSettings) -> str:
        """Return how the stream comes by its schema."""
        return stream.schema_strategy or ("declared" if self._declares(stream) else "raw")

    def _declares(self, stream: StreamSettings) -> bool:
        checks = self.contract_mode != ContractMode.OFF and stream.name in self.contract_models
        return checks or stream.schema is not None

    def _check_strategy(self, stream: StreamSettings) -> None:
        infers = stream.schema_strategy == "infer"
        if stream.schema_strategy in ("infer", "raw") and self._declares(stream):
            raise ConfigError(
                f"stream {stream.name!r}: 'schema_strategy' is {stream.schema_strategy}, but a "
                "schema or contract declares it; leave out one"
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
            stream.check()
            self._check_strategy(stream)


def _start_date(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"setting 'start_date': {text!r} is no date; write it like 2026-03-19T00:00:00Z"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
