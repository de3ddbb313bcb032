"""The kinds of field a rap model has, each with the one error that says what would be right.

All but the conversion to UTC runs in pydantic's compiled core: validating is on the tap's hot path.
An error never quotes the value, because a value may be a lyric.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Rule:
    """Annotation that replaces what pydantic says about a field by an error of our own.

    `schema`, where given, is the core schema to validate with instead of the annotated type's.
    """

    code: str
    message: str
    schema: CoreSchema | None = field(default=None, compare=False)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Wrap the schema in the error; pydantic calls this while it builds a model."""
        return core_schema.custom_error_schema(
            self.schema or handler(source),
            custom_error_type=self.code,
            custom_error_message=self.message,
        )


@dataclass(frozen=True, slots=True)
class ListRule:
    """Annotation that refuses what is no list before its elements, each with errors of its own."""

    code: str
    message: str
    min_length: int = 0

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Check the list, then validate its elements as annotated."""
        a_list = core_schema.list_schema(core_schema.any_schema(), min_length=self.min_length)
        checked = core_schema.custom_error_schema(
            a_list, custom_error_type=self.code, custom_error_message=self.message
        )
        return core_schema.chain_schema([checked, handler(source)])


@dataclass(frozen=True, slots=True)
class Format:
    """Annotation on a text that names the JSON Schema format of its values."""

    name: str


def _from_text(pattern: str, schema: CoreSchema) -> CoreSchema:
    """Let only text of this shape reach `schema`, which would take numbers and more."""
    return core_schema.chain_schema([core_schema.str_schema(strict=True, pattern=pattern), schema])


def _to_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


_DATE = core_schema.union_schema(
    [
        _from_text(r"^\d{4}-\d{2}-\d{2}$", core_schema.date_schema()),
        core_schema.date_schema(strict=True),
    ],
    mode="left_to_right",
)
_TIME = core_schema.no_info_after_validator_function(
    _to_utc,
    core_schema.union_schema(
        [
            _from_text(
                r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:?\d{2})$",
                core_schema.datetime_schema(tz_constraint="aware"),
            ),
            core_schema.datetime_schema(strict=True, tz_constraint="aware"),
        ],
        mode="left_to_right",
    ),
)
_QUOTE_IT = "; in YAML, quote what reads as a number or as true or false"


def _matching(pattern: str, **options: Any) -> CoreSchema:
    return core_schema.str_schema(strict=True, pattern=pattern, **options)


@lru_cache
def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # unknown; a folder of the database; no relative name
        return False
    return True


def _known_timezone(name: str) -> str:
    if not _is_timezone(name):
        raise PydanticCustomError("timezone_expected", _TIMEZONE_MESSAGE)
    return name


_TIMEZONE_MESSAGE = "must be an IANA time zone, such as Europe/Vienna or Etc/UTC"

Id = Annotated[
    UUID, Rule("uuid_expected", "must be a UUID, such as 6f1f7a52-2c5b-5d0e-8c63-0b8a4a3b9d11")
]
Name = Annotated[
    str,
    Rule(
        "text_expected",
        "must be text, not blank" + _QUOTE_IT,
        core_schema.str_schema(strict=True, min_length=1, strip_whitespace=True),
    ),
]
"""A name or title: spaces at the ends mean nothing and go."""
Verse = Annotated[
    str,
    Rule(
        "text_expected",
        "must be text, not empty" + _QUOTE_IT,
        core_schema.str_schema(strict=True, min_length=1),
    ),
]
"""Text kept byte for byte."""
Text = Annotated[
    str, Rule("text_expected", "must be text" + _QUOTE_IT, core_schema.str_schema(strict=True))
]
"""Free text, kept byte for byte; an empty one is not the same as none."""
Url = Annotated[
    str,
    Format("uri"),
    Rule(
        "url_expected",
        "must be an address that begins with http:// or https://",
        _matching(r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/?#]+[^\s]*$"),
    ),
]
Country = Annotated[
    str,
    Rule(
        "country_expected",
        "must be an ISO 3166-1 code of two letters, such as AT",
        _matching("^[A-Za-z]{2}$", to_upper=True),
    ),
]
Language = Annotated[
    str,
    Rule(
        "language_expected",
        "must be a BCP 47 tag, such as en or zh-Hant",
        _matching("^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"),
    ),
]
TimeZone = Annotated[
    str,
    Rule("timezone_expected", _TIMEZONE_MESSAGE, core_schema.str_schema(strict=True)),
    AfterValidator(_known_timezone),
]
AttendeeHash = Annotated[
    str,
    Rule(
        "hash_expected",
        "must be a keyed SHA-256 hash as 64 lower-case hexadecimal digits",
        _matching("^[0-9a-f]{64}$"),
    ),
]
Day = Annotated[date, Rule("date_expected", "must be a date written YYYY-MM-DD", _DATE)]
Instant = Annotated[
    datetime,
    Rule(
        "time_expected",
        "must be a date and time with its offset to UTC, such as 2026-03-19T18:00:00Z",
        _TIME,
    ),
]
"""A time with an offset, made UTC."""
Flag = Annotated[bool, Field(strict=True), Rule("boolean_expected", "must be true or false")]
Position = Annotated[
    int,
    Field(strict=True, ge=1, le=INT32_MAX),
    Rule("position_expected", f"must be a whole number from 1 to {INT32_MAX}"),
]
Milliseconds = Annotated[
    int,
    Field(strict=True, ge=0, le=INT64_MAX),
    Rule("milliseconds_expected", "must be a whole number of milliseconds, 0 or more"),
]


def one_of(*values: str) -> Rule:
    """Return the rule of a field whose values are listed."""
    return Rule("value_unknown", f"must be one of {', '.join(values)}")
