"""What every rap model shares: frozen values, shorthand on the way in, one record out."""

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from rap_model.fields import Rule

SCHEMA_VERSION = 1

Document = dict[str, Any]


class Row(BaseModel):
    """A frozen set of fields; one that is not declared is ignored here and reported elsewhere."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    shorthand: ClassVar[frozenset[str]] = frozenset()
    """Names an author may use that are no fields of the record (`artist` for `artist_id`)."""

    @classmethod
    def singer_schema(cls) -> dict[str, Any]:
        """Return the JSON Schema of the record, in the plain form Singer targets read."""
        from rap_model.projections.singer import schema  # noqa: PLC0415 - it imports the models

        return schema(cls)


class Entity(Row):
    """A thing with an id of its own that documents are written about."""

    schema_version: Annotated[
        int,
        Field(strict=True, ge=SCHEMA_VERSION, le=SCHEMA_VERSION),
        Rule("schema_version_unknown", f"must be {SCHEMA_VERSION}, the version this reader knows"),
    ] = Field(default=SCHEMA_VERSION, exclude=True)

    @classmethod
    def expand(cls, document: Document) -> dict[str, Any]:
        """Return a copy of `document` with shorthand written out and a missing id derived.

        What cannot be written out is left as it is, for validation to name.
        """
        return dict(document)

    @model_validator(mode="before")
    @classmethod
    def _expanded(cls, document: Any) -> Any:
        if isinstance(document, dict):
            return cls.expand(document)
        if isinstance(document, cls):
            return document
        raise PydanticCustomError("object_expected", "must be an object with named fields")

    @classmethod
    def read(cls, document: Any) -> dict[str, Any]:
        """Return the record of a document: every field, as JSON values.

        The same as `model_validate(document).model_dump(mode="json")`, without what those two
        look up on each call.

        Raises:
            pydantic.ValidationError: a rule does not hold; it lists every fault.
        """
        model: Self = cls.__pydantic_validator__.validate_python(document)
        record: dict[str, Any] = cls.__pydantic_serializer__.to_python(model, mode="json")
        return record

    @classmethod
    def modernise(cls, document: Document) -> Document:
        """Return a document of an older format in today's, any other as it is."""
        return document

    @classmethod
    def unknown_fields(cls, document: Any) -> dict[str, Any]:
        """Return the fields that the model does not know, by path; `{}` when there are none.

        A path is that of the record: `mood`, `credits[0].since`.
        """
        if not isinstance(document, dict):
            return {}
        return dict(_unknown(cls, cls.modernise(document), ""))


def _unknown(model: type[Row], document: Document, prefix: str) -> Iterator[tuple[str, Any]]:
    known, children = _known(model)
    if not document.keys() <= known:
        for name, value in document.items():
            if name not in known:
                yield f"{prefix}{name}", value
    for name, child in children:
        elements = document.get(name)
        if isinstance(elements, list | tuple):
            for index, element in enumerate(elements):
                if isinstance(element, dict):
                    yield from _unknown(child, element, f"{prefix}{name}[{index}].")


@cache
def _known(model: type[Row]) -> tuple[frozenset[str], tuple[tuple[str, type[Row]], ...]]:
    """Return the names `model` reads, and its fields that are lists of rows."""
    children = tuple(
        (name, argument)
        for name, field in model.model_fields.items()
        for argument in get_args(field.annotation)
        if isinstance(argument, type) and issubclass(argument, Row)
    )
    return frozenset(model.model_fields) | model.shorthand, children
