"""JSON (one object, or an array of them) and JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tap_files.formats.document import BadFileError, Document, Unreadable, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BOM = b"\xef\xbb\xbf"
MAX_LINE_BYTES = 64 * 1024 * 1024

_FAULTS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

decode = msgspec.json.Decoder(float_hook=number).decode
_split_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


def read_jsonl(chunks: Iterable[bytes]) -> Iterator[Document | Unreadable]:
    """Read one document a line; blank lines say nothing."""
    for lineno, line in enumerate(_lines(chunks), 1):
        text = line.strip()
        if not text:
            continue
        try:
            yield Document(lineno, decode(text), text)
        except _FAULTS as error:
            yield Unreadable(
                lineno,
                "json_invalid",
                f"line {lineno}: {_said(error)}",
                text.decode(errors="replace"),
            )


def read_json(chunks: Iterable[bytes]) -> Iterator[Document | Unreadable]:
    """Read one document, or one for each element of an array.

    An element that begins on the line of the one before it counts one line further, so that
    the line always names one document.

    Raises:
        BadFileError: the file is no JSON.
    """
    data = b"".join(chunks).removeprefix(BOM)
    if not data.strip():
        return
    try:
        value = decode(data)
        elements = _split_array(data) if isinstance(value, list) else []
    except _FAULTS as error:
        raise _bad(data, error) from None
    if not isinstance(value, list):
        yield Document(_line_at(data, len(data) - len(data.lstrip())), value)
        return
    lineno, position, given = 1, 0, 0
    for element, raw in zip(value, elements, strict=True):
        # Between elements there are only spaces and commas: the next match is the element itself.
        begin = data.find(raw, position)
        lineno += data.count(b"\n", position, begin)
        given = max(given + 1, lineno)
        yield Document(given, element)
        lineno += data.count(b"\n", begin, begin + len(raw))
        position = begin + len(raw)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines without their ends; the last one may lack it."""
    rest = b""
    first = True
    count = 0
    for chunk in chunks:
        text = rest + chunk
        if first and len(text) >= len(BOM):
            first = False
            text = text.removeprefix(BOM)
        lines = text.split(b"\n")
        rest = lines.pop()
        count += len(lines)
        if len(rest) > MAX_LINE_BYTES:
            raise BadFileError(
                count + 1,
                "line_too_long",
                f"line {count + 1}: longer than {MAX_LINE_BYTES} bytes; is this JSON lines?",
            )
        yield from lines
    yield rest.removeprefix(BOM) if first else rest


def _bad(data: bytes, error: Exception) -> BadFileError:
    """Return the error with its line: msgspec gives the position in its message."""
    said = _said(error)
    _, _, position = said.rpartition("(byte ")
    at = int(position.rstrip(")")) if position.rstrip(")").isdigit() else len(data)
    if isinstance(error, UnicodeDecodeError):
        at = _first_bad_byte(data)
    elif isinstance(error, RecursionError):
        at = 0
    lineno = _line_at(data, at)
    return BadFileError(lineno, "json_invalid", f"line {lineno}: {said}")


def _first_bad_byte(data: bytes) -> int:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _line_at(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1


def _said(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"no UTF-8 ({error.reason})"
    return str(error)
