"""What a format gives: documents, and places that cannot be read."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple


class Document(NamedTuple):
    """One document of a file, as JSON values."""

    lineno: int
    """Line on which it begins, from 1; no two documents of a file have the same."""
    value: Any
    text: bytes | None = None
    """Its JSON on one line, where the file has it so."""


class Unreadable(NamedTuple):
    """A part of a file that is no document, while the rest of the file can still be read."""

    lineno: int
    code: str
    message: str
    """One line that says what is wrong and where."""
    text: str
    """What stands there."""


class BadFileError(Exception):
    """The file as a whole cannot be read; ``lineno`` is where that shows."""

    def __init__(self, lineno: int, code: str, message: str) -> None:
        super().__init__(message)
        self.lineno = lineno
        self.code = code


def number(text: str) -> float | Decimal:
    """Return a JSON number with a point or an exponent; a float only where it loses nothing."""
    value = float(text)
    return value if repr(value) == text else Decimal(text)
