"""Data contracts: a pydantic model decides what a document is, faults become ordinary rows.

What a contract model must have is written in docs/interfaces.md. Faults go to the stream
``<stream>__rejected``, which is a Singer stream like any other and works with any target.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from singer_kit.errors import ConfigError, ContractExceededError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel, ValidationError

RATIO_FROM_RECORDS = 1_000
"""Below so many records a ratio says nothing."""

REJECTED_KEY = ("source_key", "error_path", "error_code")

_KINDS: dict[type, str] = {
    bool: "boolean",
    dict: "object",
    float: "number",
    int: "int",
    list: "list",
    str: "text",
    type(None): "null",
}


class ContractMode(StrEnum):
    """What happens to a document that breaks its contract."""

    OFF = "off"
    WARN = "warn"
    QUARANTINE = "quarantine"
    FAIL = "fail"


class Fault(NamedTuple):
    """One rule that does not hold; ``path`` is a JSON path, ``$`` for the whole document."""

    path: str
    code: str
    message: str


class Contract:
    """A stream's contract, read from a model class."""

    def __init__(self, model: type[BaseModel]) -> None:
        from pydantic import ValidationError  # noqa: PLC0415 - 0.1 s for who has a contract

        self.model = model
        self._broken = ValidationError
        self._read: Callable[[Any], dict[str, Any]] = getattr(model, "read", None) or (
            lambda document: model.model_validate(document).model_dump(mode="json")
        )
        self.unknown_fields: Callable[[Any], dict[str, Any]] = getattr(
            model, "unknown_fields", lambda _document: {}
        )

    @classmethod
    def load(cls, path: str) -> Contract:
        """Import the model at a dotted path.

        Raises:
            ConfigError: there is no such module or name, or it is no contract model.
        """
        from pydantic import BaseModel  # noqa: PLC0415 - as above

        module, _, name = path.rpartition(".")
        try:
            model = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise ConfigError(
                f"setting 'contract_models': cannot load {path!r} ({error}); "
                "give the dotted path of a model in an installed package"
            ) from None
        if not (isinstance(model, type) and issubclass(model, BaseModel)) or not hasattr(
            model, "singer_schema"
        ):
            raise ConfigError(
                f"setting 'contract_models': {path!r} is no contract model; "
                "it must be a pydantic model with a class method singer_schema()"
            )
        return cls(model)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the records."""
        schema: dict[str, Any] = self.model.singer_schema()  # type: ignore[attr-defined] # load() has looked
        return schema

    def read(self, document: Any) -> dict[str, Any] | list[Fault]:
        """Return the document's record, or every fault in it."""
        try:
            return self._read(document)
        except self._broken as error:
            return faults_of(error)
        except RecursionError:
            return [Fault("$", "too_deep", "is nested too deeply to be read")]


def faults_of(error: ValidationError) -> list[Fault]:
    """Return a fault for each error, with the kind of value found and never the value."""
    return [
        Fault(
            json_path(detail["loc"]),
            detail["type"],
            f"found {'nothing' if detail['type'] == 'missing' else kind(detail['input'])}; "
            f"{detail['msg']}",
        )
        for detail in error.errors(include_url=False, include_context=False)
    ]


def kind(value: Any) -> str:
    """Name the JSON kind of a value."""
    return _KINDS.get(type(value)) or type(value).__name__.lower()


def json_path(location: tuple[int | str, ...]) -> str:
    """Write a pydantic location as a JSON path, such as ``$.credits[0].role``."""
    path = "$"
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if part.isidentifier() else f"[{part!r}]"
    return path


@dataclass
class Tally:
    """How many documents of a stream were accepted and rejected in this run."""

    stream: str
    max_ratio: float
    accepted: int = 0
    rejected: int = 0

    def check(self) -> None:
        """Stop a run that rejects too much.

        Raises:
            ContractExceededError: the ratio is above the setting, from 1,000 records on.
        """
        total = self.accepted + self.rejected
        if total >= RATIO_FROM_RECORDS and self.rejected > self.max_ratio * total:
            raise ContractExceededError(
                f"stream {self.stream!r}: {self.rejected} of {total} documents broke the contract, "
                f"more than max_rejected_ratio {self.max_ratio:g}; "
                f"see the stream's rejected rows for each fault"
            )


def rejected_schema(lineage: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a quarantine stream; ``lineage`` are the tap's own properties."""
    text = {"type": "string"}
    return {
        "type": "object",
        "properties": {
            "_sdc_rejected_at": {"type": "string", "format": "date-time"},
            "source_key": text,
            "error_path": text,
            "error_code": text,
            "error_message": text,
            "payload": {"type": ["object", "null"]},
            **lineage,
        },
        "required": list(REJECTED_KEY),
    }
