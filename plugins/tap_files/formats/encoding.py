"""Text as UTF-8 without a byte order mark, whatever a file was written in."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, NamedTuple

from tap_files.formats.document import BadFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# UTF-32's mark begins with that of UTF-16, so it is looked for first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MARK_BYTES = 4


class NoText(NamedTuple):
    """The first byte that is no text."""

    offset: int
    code: str
    message: str


def utf8(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Yield a text's bytes in UTF-8; what is UTF-8 already is handed on without a look at it.

    Args:
        chunks: the text as stored.
        encoding: what it is written in, unless it begins with a byte order mark.

    Raises:
        BadFileError: it is not written in that; what was yielded before is good.
    """
    rest = iter(chunks)
    head = b""
    while len(head) < _MARK_BYTES and (chunk := next(rest, None)) is not None:
        head += chunk
    start = 0
    for mark, name in _MARKS:
        if head.startswith(mark):
            start, encoding = len(mark), name
            break
    if codecs.lookup(encoding).name == "utf-8":
        if len(head) > start:
            yield head[start:]
        yield from rest
        return
    yield from _transcoded(head[start:], rest, encoding, start)


def no_text(data: bytes) -> NoText | None:
    """Return the first byte of UTF-8 that is none, or that no text has, with what to do."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        said = (
            f"byte 0x{data[error.start]:02x} is no UTF-8; if the file is written in something "
            "else, say it in the stream's 'encoding'"
        )
        return NoText(error.start, "encoding_invalid", said)
    offset = data.find(b"\0")
    if offset < 0:
        return None
    said = (
        "a NUL byte is no text; if the file is written in UTF-16, say it in the stream's 'encoding'"
    )
    return NoText(offset, "text_nul", said)


def _transcoded(
    head: bytes, rest: Iterator[bytes], encoding: str, position: int
) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    lineno = 1
    chunk: bytes | None = head
    while True:
        is_last = chunk is None
        try:
            text = decoder.decode(chunk or b"", is_last).encode()
        except UnicodeDecodeError as error:
            # The decoder had kept some bytes of the chunk before.
            position += len(chunk or b"") - len(error.object) + error.start
            good = error.object[: error.start].decode(encoding).encode()
            yield good
            lineno += good.count(b"\n")
            raise BadFileError(
                lineno,
                "encoding_invalid",
                f"line {lineno}: byte {position} of the file, 0x{error.object[error.start]:02x}, "
                f"is no {encoding}; say the stream's 'encoding'",
            ) from None
        if text:
            yield text
            lineno += text.count(b"\n")
        if chunk is None:
            return
        position += len(chunk)
        chunk = next(rest, None)
