"""Text as the JSON values that a schema says it is, for formats that know nothing but text."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from singer_kit.contract import Fault, json_path, kind
from tap_files.formats.document import number
from tap_files.formats.json_value import JsonError, read_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_INTEGER = re.compile(r"[-+]?[0-9]{1,4000}")
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
# What PostgreSQL takes for a truth value.
_TRUTH = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}


class _Field:
    """One property of a schema: how its text is read."""

    def __init__(self, schema: Any, *, is_required: bool) -> None:
        types = schema.get("type") if isinstance(schema, dict) else None
        names = set(types if isinstance(types, list) else [types])
        self.is_nullable = "null" in names
        self.is_required = is_required
        names -= {"null"}
        name = names.pop() if len(names) == 1 else None
        self.kind = name if name in _READERS else None
        self.read = _READERS.get(str(name))
        self.takes_empty = self.kind is None and not self.is_nullable


class Typing:
    """How the fields of a schema are read from text."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        required = set(schema.get("required", ()))
        self._fields = {
            name: _Field(each, is_required=name in required)
            for name, each in schema.get("properties", {}).items()
        }

    def read(self, document: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
        """Return a document of texts with its values typed, and a fault for each that is none.

        An empty text is null where the schema takes null, stays what it is in a field that must
        be text, and is otherwise absent. Text of the wrong kind stays as it is.
        """
        typed: dict[str, Any] = {}
        faults = []
        for name, text in document.items():
            field = self._fields.get(name)
            if field is None or not isinstance(text, str):
                typed[name] = text
            elif not text and not field.takes_empty:
                if field.is_nullable:
                    typed[name] = None
                elif field.is_required:
                    faults.append(_fault(name, field.kind, "nothing"))
            elif field.read is None:
                typed[name] = text
            else:
                try:
                    typed[name] = field.read(text)
                except ValueError:
                    typed[name] = text
                    faults.append(_fault(name, field.kind, "text"))
        return typed, faults


def read_dates(
    document: Mapping[str, Any], names: Iterable[str]
) -> tuple[dict[str, Any], list[Fault]]:
    """Return a document with these fields as moments in UTC, and a fault for each that is none."""
    typed = dict(document)
    faults = []
    for name in names:
        value: Any = typed.get(name)
        if value is None:
            continue
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            said = f"found {kind(value)}; must be a date and time in ISO 8601"
            faults.append(Fault(json_path((name,)), "time_expected", said))
        else:
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            typed[name] = aware.astimezone(UTC).isoformat()
    return typed, faults


def _fault(name: str, wanted: str | None, found: str) -> Fault:
    said = f"found {found}; must be {'an' if wanted in _VOWELS else 'a'} {wanted}"
    return Fault(json_path((name,)), f"{wanted}_expected", said)


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text := text.strip()):
        raise ValueError
    return int(text)


def _number(text: str) -> Any:
    if not _NUMBER.fullmatch(text := text.strip()):
        raise ValueError
    return int(text) if _INTEGER.fullmatch(text) else number(text)


def _boolean(text: str) -> bool:
    found = _TRUTH.get(text.strip().lower())
    if found is None:
        raise ValueError
    return found


def _json(wanted: type) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            value = read_value(text.encode())
        except JsonError as error:
            raise ValueError from error
        if not isinstance(value, wanted):
            raise ValueError  # noqa: TRY004 - for the caller it is text of the wrong kind
        return value

    return read


_VOWELS = ("array", "integer", "object")
_READERS: dict[str, Callable[[str], Any]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "object": _json(dict),
    "array": _json(list),
}
