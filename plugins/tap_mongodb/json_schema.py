"""Documents held to a JSON Schema: quickly where nothing is wrong, exactly where something is.

The `jsonschema` library decides. It takes longer for a document than everything else together, so
that it is only asked when a quick look at the plain keywords cannot say that all is well.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import jsonschema  # type: ignore[import-untyped] # no stubs in the lock
from jsonschema.validators import validator_for  # type: ignore[import-untyped] # as above

from singer_kit.contract import Fault, json_path, kind
from singer_kit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Check = Callable[[Any], bool]

_TYPES: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "null": (type(None),),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}
_QUICK = {"type", "format", "enum", "title", "description", "$comment", "default", "examples"}
_QUICK_SCHEMA = {"$schema", "$id", "type", "properties", "required", "title", "description"}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})")


def _is_date(text: object) -> bool:
    return not isinstance(text, str) or (bool(_DATE.fullmatch(text)) and _reads(date, text))


def _is_time(text: object) -> bool:
    return not isinstance(text, str) or (bool(_TIME.fullmatch(text)) and _reads(datetime, text))


def _is_uuid(text: object) -> bool:
    if not isinstance(text, str):
        return True
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _reads(kind_: type[date], text: str) -> bool:
    try:
        kind_.fromisoformat(text)
    except ValueError:
        return False
    return True


_FORMATS: dict[str, Check] = {"date": _is_date, "date-time": _is_time, "uuid": _is_uuid}


class Validator:
    """Checks documents, as JSON values, against one schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Compile the schema.

        Raises:
            ConfigError: it is no JSON Schema.
        """
        library = validator_for(schema, default=jsonschema.Draft202012Validator)
        try:
            library.check_schema(schema)
        except jsonschema.SchemaError as error:
            raise ConfigError(
                f"setting 'json_schemas': no JSON Schema at {error.json_path}: {error.message}"
            ) from None
        formats = jsonschema.FormatChecker(())
        for name, check in _FORMATS.items():
            formats.checks(name)(check)
        self._library = library(schema, format_checker=formats)
        self._required = frozenset(schema.get("required", ()))
        self._checks = _quick_checks(schema)

    def faults(self, document: dict[str, Any]) -> list[Fault]:
        """Return what is wrong with a document; none quotes a value."""
        if self._checks is not None and self._surely_right(document, self._checks):
            return []
        return [
            Fault(
                json_path(tuple(error.absolute_path)),
                f"{error.validator}_expected",
                _message(error),
            )
            for error in sorted(
                self._library.iter_errors(document), key=lambda error: error.json_path
            )
        ]

    def _surely_right(self, document: dict[str, Any], checks: dict[str, Check]) -> bool:
        if not self._required <= document.keys():
            return False
        for name, value in document.items():
            check = checks.get(name)
            if check is not None and not check(value):
                return False
        return True


def _message(error: jsonschema.ValidationError) -> str:
    if error.validator == "required":
        absent = [name for name in error.validator_value if name not in error.instance]
        return f"found nothing for {', '.join(absent)}; must be there"
    return f"found {kind(error.instance)}; must have {error.validator} {error.validator_value!r}"


def _quick_checks(schema: Mapping[str, Any]) -> dict[str, Check] | None:
    """Return a check for each property; None where the schema says more than they could see."""
    properties = schema["properties"]
    if schema.keys() - _QUICK_SCHEMA or schema.get("type", "object") != "object":
        return None
    checks = {name: _quick_check(each) for name, each in properties.items()}
    if None in checks.values():
        return None
    return {name: check for name, check in checks.items() if check is not None}


def _quick_check(schema: Any) -> Check | None:
    if not isinstance(schema, dict) or schema.keys() - _QUICK or "type" not in schema:
        return None
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    types = frozenset(each for name in names for each in _TYPES.get(name, ()))
    check = _FORMATS.get(schema.get("format", ""))
    listed = schema.get("enum")

    def looks_right(value: Any) -> bool:
        return (
            type(value) in types
            and (check is None or check(value))
            # Of texts alone: 1 and true are equal to Python, and two values to JSON.
            and (listed is None or (type(value) is str and value in listed))
        )

    return looks_right
