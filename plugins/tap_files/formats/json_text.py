"""JSON (one value, or an array of them) and JSON lines."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from tap_files.formats.document import (
    MAX_DOCUMENT_BYTES,
    PLAIN,
    BadFileError,
    Document,
    Unreadable,
)
from tap_files.formats.encoding import utf8
from tap_files.formats.json_array import split_array
from tap_files.formats.json_value import JsonError, check_syntax, read_value
from tap_files.formats.lines import bad_file, line_at, lines_of, unreadable_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_files.formats.document import Dialect


def read_jsonl(
    chunks: Iterable[bytes], dialect: Dialect = PLAIN
) -> Iterator[Document | Unreadable]:
    """Read one document a line; blank lines say nothing.

    Raises:
        BadFileError: a line is too long, or the file has another encoding than was said.
    """
    for lineno, line in enumerate(lines_of(utf8(chunks, dialect.encoding)), 1):
        text = line.strip()
        if not text:
            continue
        try:
            yield Document(lineno, read_value(text), text)
        except JsonError as error:
            yield unreadable_line(lineno, text, error.code, error.offset, str(error))


def read_json(chunks: Iterable[bytes], dialect: Dialect = PLAIN) -> Iterator[Document | Unreadable]:
    """Read one document, or one for each element of an array.

    An element that begins on the line of the one before it counts one line further, so that
    the line always names one document. A file up to the size of a document is refused as a
    whole when it is no JSON; a larger array is read element by element, up to its fault.

    Raises:
        BadFileError: the file is no JSON, or one document is too large.
    """
    rest = utf8(chunks, dialect.encoding)
    data = b""
    for chunk in rest:
        data += chunk
        if len(data) > MAX_DOCUMENT_BYTES:
            break
    is_array = data.lstrip().startswith(b"[") or bool(dialect.json_path)
    if len(data) > MAX_DOCUMENT_BYTES:
        if not is_array:
            raise BadFileError(
                1,
                "too_large",
                f"line 1: one document of more than {MAX_DOCUMENT_BYTES} bytes; name the array in "
                "it with the stream's 'json_path', or write JSON lines",
            )
        yield from _elements(chain((data,), rest), dialect.json_path)
        return
    if not data.strip():
        return
    try:
        check_syntax(data)
        if is_array:
            yield from _elements((data,), dialect.json_path)
        else:
            yield Document(line_at(data, len(data) - len(data.lstrip())), read_value(data))
    except JsonError as error:
        raise bad_file(data, error.code, error.offset, str(error)) from None


def _elements(chunks: Iterable[bytes], path: tuple[str, ...]) -> Iterator[Document | Unreadable]:
    last = 0
    for element in split_array(chunks, path):
        last = max(last + 1, element.lineno)
        try:
            value = read_value(element.text)
        except JsonError as error:
            found = unreadable_line(last, element.text, error.code, error.offset, str(error))
            if error.is_syntax:
                raise BadFileError(last, error.code, found.message) from None
            yield found
        else:
            yield Document(last, value, None if b"\n" in element.text else element.text)
