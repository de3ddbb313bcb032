"""Lines of a text, and the format that takes each for a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_files.formats.document import (
    MAX_DOCUMENT_BYTES,
    PLAIN,
    BadFileError,
    Document,
    Unreadable,
)
from tap_files.formats.encoding import no_text, utf8

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_files.formats.document import Dialect


def read_text(chunks: Iterable[bytes], dialect: Dialect = PLAIN) -> Iterator[Document | Unreadable]:
    """Read one document a line, ``{"text": …}``; blank lines say nothing.

    Raises:
        BadFileError: a line is too long, or the file has another encoding than was said.
    """
    for lineno, line in enumerate(lines_of(utf8(chunks, dialect.encoding)), 1):
        text = line.removesuffix(b"\r")
        if not text.strip():
            continue
        if fault := no_text(text):
            yield unreadable_line(lineno, text, fault.code, fault.offset, fault.message)
        else:
            yield Document(lineno, {"text": text.decode()}, is_untyped=True)


def lines_of(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of UTF-8 without their line feeds; the last one may lack it.

    Raises:
        BadFileError: a line is longer than a document may be.
    """
    rest = b""
    count = 0
    for chunk in chunks:
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        count += len(lines)
        if len(rest) > MAX_DOCUMENT_BYTES:
            raise BadFileError(
                count + 1,
                "too_large",
                f"line {count + 1}: longer than {MAX_DOCUMENT_BYTES} bytes; is the format right?",
            )
        yield from lines
    yield rest


def line_at(data: bytes, offset: int) -> int:
    """Return the line of a file on which a byte stands, from 1."""
    return data.count(b"\n", 0, offset) + 1


def bad_file(data: bytes, code: str, offset: int | None, message: str) -> BadFileError:
    """Return the error of a file that was read whole, with the line and byte where it shows."""
    lineno = line_at(data, offset or 0)
    where = f"line {lineno}"
    if offset is not None:
        before = data.rfind(b"\n", 0, offset)
        where += f", byte {offset - before}"
    return BadFileError(lineno, code, f"{where}: {message}")


def unreadable_line(
    lineno: int, line: bytes, code: str, offset: int | None, message: str
) -> Unreadable:
    """Return a line as what cannot be read, with the byte of it where that shows."""
    where = f"line {lineno}" if offset is None else f"line {lineno}, byte {offset + 1}"
    return Unreadable(lineno, code, f"{where}: {message}", line.decode(errors="replace"))
