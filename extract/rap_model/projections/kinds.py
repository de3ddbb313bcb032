"""Field kinds: the one table that says how a pydantic field looks in every store."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType, NoneType
from typing import Annotated, Any, get_args, get_origin
from uuid import UUID

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from rap_model.base import Row
from rap_model.fields import INT32_MAX, Format
from rap_model.streams import STREAMS


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of field is declared in each projection."""

    singer_type: str
    postgres: str
    cql: str
    dbt: str
    format: str | None = None
    """JSON Schema format, where the type alone does not tell the kind."""


KINDS = MappingProxyType(
    {
        "uuid": Kind("string", "uuid", "uuid", "uuid", "uuid"),
        "text": Kind("string", "text", "text", "text"),
        "enum": Kind("string", "text", "text", "text"),
        "url": Kind("string", "text", "text", "text", "uri"),
        "date": Kind("string", "date", "date", "date", "date"),
        "time": Kind("string", "timestamptz", "timestamp", "timestamp with time zone", "date-time"),
        "integer": Kind("integer", "integer", "int", "integer"),
        "bigint": Kind("integer", "bigint", "bigint", "bigint"),
        "boolean": Kind("boolean", "boolean", "boolean", "boolean"),
        # In CQL a list is frozen (one write, safe to repeat) and of the type in place of {}.
        "list": Kind("array", "jsonb", "frozen<list<frozen<{}>>>", "jsonb"),
        "object": Kind("object", "jsonb", "text", "jsonb"),
    }
)
_BY_TYPE = {UUID: "uuid", str: "text", date: "date", datetime: "time", bool: "boolean"}


@dataclass(frozen=True, slots=True)
class Column:
    """A field, as the projections see it."""

    name: str
    kind: str
    nullable: bool
    description: str
    values: tuple[str, ...] = ()
    """What an enum allows."""
    bounds: tuple[int, int] | None = None
    """Least and greatest value of a number."""
    row: type[Row] | None = None
    """The element of a list."""


def columns(model: type[Row]) -> list[Column]:
    """Return the columns of a model's record: a stream's key first, then as declared.

    Raises:
        TypeError: a field is of no known kind, or has no description.
    """
    found = {
        name: _column(model, name, info)
        for name, info in model.model_fields.items()
        if not info.exclude
    }
    key = next((stream.key for stream in STREAMS if stream.model is model), ())
    return [found.pop(name) for name in key] + list(found.values())


def _column(model: type[Row], name: str, info: FieldInfo) -> Column:
    annotation, metadata, nullable = _unwrap(info.annotation)
    metadata = [*info.metadata, *metadata]
    description = info.description
    if not description:
        raise TypeError(f"{model.__name__}.{name} has no description: give its Field one")
    if annotation is int:
        least: Any = next(mark.ge for mark in metadata if isinstance(mark, Ge))
        greatest: Any = next(mark.le for mark in metadata if isinstance(mark, Le))
        kind = "integer" if greatest <= INT32_MAX else "bigint"
        return Column(name, kind, nullable, description, bounds=(least, greatest))
    if get_origin(annotation) is tuple:
        (element, _) = get_args(annotation)
        return Column(name, "list", nullable, description, row=element)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return Column(name, "enum", nullable, description, values=tuple(annotation))
    if annotation is str and Format("uri") in metadata:
        return Column(name, "url", nullable, description)
    if annotation in _BY_TYPE:
        return Column(name, _BY_TYPE[annotation], nullable, description)
    raise TypeError(
        f"{model.__name__}.{name}: no field kind for {annotation!r}; add one to "
        "rap_model.projections.kinds"
    )


def _unwrap(annotation: Any) -> tuple[Any, list[Any], bool]:
    """Take `Annotated` and `| None` off a type; return it, the annotations, and whether None is."""
    metadata: list[Any] = []
    nullable = False
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *marks = get_args(annotation)
            metadata.extend(marks)
            for mark in marks:
                metadata.extend(mark.metadata if isinstance(mark, FieldInfo) else ())
        elif NoneType in get_args(annotation):
            (annotation,) = (each for each in get_args(annotation) if each is not NoneType)
            nullable = True
        else:
            return annotation, metadata, nullable
