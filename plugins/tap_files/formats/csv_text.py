"""CSV: Python's own reader in strict mode, row by row, each with the line on which it begins.

A row that cannot be read costs its own line and no more: what the reader took for the rest of it
(a quote that is never closed takes everything) is read again as rows of its own.
"""

from __future__ import annotations

import csv
from collections import deque
from typing import TYPE_CHECKING

from tap_files.formats.document import (
    MAX_DOCUMENT_BYTES,
    PLAIN,
    BadFileError,
    Document,
    Unreadable,
)
from tap_files.formats.encoding import no_text, utf8
from tap_files.formats.lines import lines_of, unreadable_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_files.formats.document import Dialect

# The module has one limit for all readers, by default too low for a page of text.
csv.field_size_limit(MAX_DOCUMENT_BYTES)

_CURES = {
    "unexpected end of data": "a quote is never closed",
    "new-line character seen": "a carriage return stands alone in a field without quotes",
}


class _TooLongError(Exception):
    """A row is longer than a document may be."""


class _Lines:
    """The lines that a reader takes for one row, which can be given back."""

    def __init__(self, lines: Iterator[tuple[int, bytes]]) -> None:
        self._lines = lines
        self._back: deque[tuple[int, bytes]] = deque()
        self.taken: list[tuple[int, bytes]] = []
        self._size = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        numbered = self._back.popleft() if self._back else next(self._lines)
        self.taken.append(numbered)
        self._size += len(numbered[1])
        if self._size > MAX_DOCUMENT_BYTES:
            raise _TooLongError
        # A line that is no text is told of as a row, with its number.
        return numbered[1].decode(errors="surrogateescape") + "\n"

    def next_row(self) -> None:
        """Forget the lines of the last row."""
        self.taken.clear()
        self._size = 0

    def give_back(self) -> None:
        """Let all lines but the first be taken again."""
        self._back.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def read_csv(chunks: Iterable[bytes], dialect: Dialect = PLAIN) -> Iterator[Document | Unreadable]:
    """Read one document a row, with text for values; blank lines say nothing.

    Raises:
        BadFileError: the header does not name each column once, a line is too long, or the file
            has another encoding than was said.
    """
    numbered = enumerate(lines_of(utf8(chunks, dialect.encoding)), 1)
    for _ in range(dialect.skip_lines):
        next(numbered, None)
    names: Sequence[str] = dialect.field_names
    for found in _rows(_Lines(numbered), dialect):
        if not names:
            names = _header(found)
        elif isinstance(found, Unreadable):
            yield found
        else:
            lineno, row, text = found
            if len(row) == len(names):
                yield Document(lineno, dict(zip(names, row, strict=True)), is_untyped=True)
            else:
                yield unreadable_line(lineno, text, "csv_ragged", None, _ragged(names, row))


def _rows(lines: _Lines, dialect: Dialect) -> Iterator[tuple[int, list[str], bytes] | Unreadable]:
    """Yield line, fields and text of each row that is not blank."""
    reader = csv.reader(
        lines,
        delimiter=dialect.delimiter or ",",
        quotechar=dialect.quotechar,
        quoting=csv.QUOTE_MINIMAL if dialect.quotechar else csv.QUOTE_NONE,
        strict=True,
    )
    while True:
        lines.next_row()
        said = ""
        row: list[str] = []
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            said = next((cure for what, cure in _CURES.items() if what in str(error)), str(error))
        except _TooLongError:
            said = f"is longer than {MAX_DOCUMENT_BYTES} bytes; is a quote never closed?"
        lineno, first = lines.taken[0]
        if said:
            lines.give_back()
            yield unreadable_line(lineno, first, "csv_invalid", None, said)
            continue
        for number, line in lines.taken:
            if fault := no_text(line):
                bad = unreadable_line(number, line, fault.code, fault.offset, fault.message)
                yield bad._replace(lineno=lineno)
                break
        else:
            if row and (len(row) > 1 or row[0].strip()):
                yield lineno, row, b"\n".join(line for _, line in lines.taken)


def _header(found: tuple[int, list[str], bytes] | Unreadable) -> list[str]:
    """Return the names of the columns.

    Raises:
        BadFileError: they cannot be read, or one is missing or there twice.
    """
    if isinstance(found, Unreadable):
        raise BadFileError(found.lineno, found.code, found.message)
    lineno, row, _ = found
    names = [name.strip() for name in row]
    for position, name in enumerate(names, 1):
        first = names.index(name) + 1
        said = ""
        if not name:
            said = f"field {position} of the header has no name"
        elif first < position:
            said = f"fields {first} and {position} of the header have one name, {name!r}"
        if said:
            raise BadFileError(
                lineno,
                "csv_header",
                f"line {lineno}: {said}; repair it, or leave it out by the stream's 'skip_lines' "
                "and give 'field_names'",
            )
    return names


def _ragged(names: Sequence[str], row: Sequence[str]) -> str:
    said = f"{len(row)} fields of {len(names)}; "
    if len(row) < len(names):
        return f"{said}field {len(row) + 1}, {names[len(row)]!r}, is missing"
    return f"{said}no column is named for field {len(names) + 1}"
