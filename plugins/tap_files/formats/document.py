"""What a format gives: documents, and places that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

MAX_DEPTH = 200
"""Nesting below it is refused: parsers and encoders recurse, and so does whoever reads on."""
MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
"""A document is held in memory, and takes several times its text there."""


class Document(NamedTuple):
    """One document of a file, as JSON values."""

    lineno: int
    """Line on which it begins, from 1 (in Parquet its row); no two of a file have the same."""
    value: Any
    text: bytes | None = None
    """Its JSON on one line, where the file has it so."""
    is_untyped: bool = False
    """Whether its format knows nothing but text: the stream's schema says what a field is."""


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


@dataclass(frozen=True)
class Dialect:
    """How the settings say that a source's files are written."""

    encoding: str = "utf-8"
    """Python's name for it; a byte order mark knows better."""
    delimiter: str | None = None
    """CSV: what stands between fields; default: a comma, and a tab in a file named ``.tsv``."""
    quotechar: str | None = '"'
    """CSV: what a field may stand in; None: no character has a meaning."""
    field_names: tuple[str, ...] = ()
    """CSV: names of the columns, where no header says them."""
    skip_lines: int = 0
    """CSV: so many lines stand before the header, or before the first row without one."""
    json_path: tuple[str, ...] = ()
    """JSON: keys that lead to the array of documents."""


PLAIN = Dialect()


def number(text: str) -> float | Decimal:
    """Return a JSON number with a point or an exponent; a float only where it loses nothing."""
    value = float(text)
    return value if repr(value) == text else Decimal(text)
