"""The elements of the setting ``streams``: which files, how they are read, what comes of them."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from singer_kit.errors import ConfigError
from tap_files.formats import FORMATS, Dialect
from tap_files.formats.document import PLAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIALECT = [each.name for each in fields(Dialect)]

STREAM = th.ObjectType(
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

    def check(self) -> None:
        """Raise ConfigError where nothing could be read as the settings say."""
        if self.explode and not self.key_properties:
            raise ConfigError(
                f"stream {self.name!r}: 'explode' needs 'key_properties', because several "
                "records come from one line"
            )
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            raise ConfigError(
                f"stream {self.name!r}: 'pattern' is no regular expression ({error})"
            ) from None
        self._check_dialect()

    def _check_dialect(self) -> None:
        dialect = self.dialect
        try:
            with suppress(UnicodeDecodeError):
                b" ".decode(dialect.encoding)
        except LookupError:
            raise ConfigError(
                f"stream {self.name!r}: 'encoding' {dialect.encoding!r} is not known; "
                "give a name such as utf-8, utf-16 or latin-1"
            ) from None
        for name in ("delimiter", "quotechar"):
            value = getattr(dialect, name)
            if value is not None and (len(value) != 1 or value in "\r\n"):
                raise ConfigError(f"stream {self.name!r}: {name!r} must be one character")
        if dialect.quotechar and dialect.quotechar == (dialect.delimiter or ","):
            raise ConfigError(f"stream {self.name!r}: 'delimiter' and 'quotechar' must differ")
        names = dialect.field_names
        if len(set(names)) < len(names) or not all(names):
            raise ConfigError(f"stream {self.name!r}: 'field_names' must differ, and none be empty")
        if not all(dialect.json_path or ["$"]):
            raise ConfigError(
                f"stream {self.name!r}: 'json_path' is keys with dots between, such as data.items"
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


def stream_of(value: Mapping[str, Any]) -> StreamSettings:
    """Read an element that passed the JSON Schema; an empty text counts as not given."""
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
