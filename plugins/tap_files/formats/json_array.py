"""The elements of a JSON array, found one by one in a file of any size.

Only strings, brackets and commas are looked at; whether an element is JSON is for whoever decodes
it. Peak memory is that of the longest element.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tap_files.formats.document import MAX_DOCUMENT_BYTES, BadFileError
from tap_files.formats.json_value import JsonError, read_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A quote alone begins a string that does not end in what has been read so far.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:"]', re.DOTALL)
_QUOTE, _COMMA, _CLOSE = b'",]'
_OPENING, _CLOSING = b"[{", b"]}"


class Element(NamedTuple):
    """One element of the array."""

    lineno: int
    """Line on which it begins."""
    text: bytes


class _Window:
    """What is in memory of the file: from the element that is being read onward."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.rest = iter(chunks)
        self.data = b""
        self.position = 0
        """Where the next token is looked for."""
        self.begin = 0
        """Where what must be kept begins."""
        self.lineno = 1
        """Line of ``begin``."""

    def move(self, begin: int) -> None:
        """Keep only what is behind ``begin`` from now on."""
        self.lineno += self.data.count(b"\n", self.begin, begin)
        self.begin = begin

    def grow(self) -> None:
        """Read on.

        Raises:
            BadFileError: there is no more, or one element is too large to be held.
        """
        if len(self.data) - self.begin > MAX_DOCUMENT_BYTES:
            self.move(len(self.data) - len(self.data[self.begin :].lstrip()))
            raise self.bad(
                "too_large", f"what begins here is longer than {MAX_DOCUMENT_BYTES} bytes"
            )
        chunk = next(self.rest, None)
        if chunk is None:
            self.move(len(self.data))
            raise self.bad("json_invalid", "the array ends early")
        self.data = self.data[self.begin :] + chunk
        self.position -= self.begin
        self.begin = 0

    def token(self) -> bytes:
        """Return the next token and move behind it; for the few before the array."""
        while True:
            found = _TOKEN.search(self.data, self.position)
            if found and found[0] != b'"':
                self.position = found.end()
                self.move(self.position)
                return found[0]
            self.position = found.start() if found else len(self.data)
            self.move(self.position)
            self.grow()

    def bad(self, code: str, message: str) -> BadFileError:
        return BadFileError(self.lineno, code, f"line {self.lineno}: {message}")


def split_array(chunks: Iterable[bytes], path: tuple[str, ...]) -> Iterator[Element]:
    """Yield the elements of the array that is the whole file, or to which ``path`` leads.

    What follows the array that a path leads to is not looked at.

    Args:
        chunks: UTF-8.
        path: keys of objects, the outermost first.

    Raises:
        BadFileError: there is no such array, or it does not end; what came before is good.
    """
    window = _Window(chunks)
    _seek(window, path)
    yield from _elements(window)
    if path:
        return
    if window.data[window.position :].strip() or any(chunk.strip() for chunk in window.rest):
        raise window.bad("json_invalid", "something stands behind the array")


def _elements(window: _Window) -> Iterator[Element]:
    for count, (kind, end) in enumerate(_borders(window)):
        text = window.data[window.begin : end].lstrip()
        window.move(end - len(text))
        is_last = kind == _CLOSE
        if kind not in (_CLOSE, _COMMA) or (not text and (count or not is_last)):
            raise window.bad("json_invalid", "an element of the array is malformed")
        if text:
            yield Element(window.lineno, text.rstrip())
        window.move(end + 1)
        if is_last:
            window.position = end + 1
            return


def _borders(window: _Window) -> Iterator[tuple[int, int]]:
    """Yield the brackets, commas and colons that are in no element, and where each stands."""
    depth = 0
    while True:
        for token in _TOKEN.finditer(window.data, window.position):
            start = token.start()
            kind = window.data[start]
            if kind == _QUOTE:
                if token.end() == start + 1:
                    window.position = start
                    break
            elif kind in _OPENING:
                depth += 1
            elif depth:
                depth -= kind in _CLOSING
            else:
                yield kind, start
            window.position = token.end()
        else:
            window.position = len(window.data)
        window.grow()


def _seek(window: _Window, path: tuple[str, ...]) -> None:
    """Move behind the bracket that opens the array."""
    where = "$"
    for name in path:
        _enter(window, b"{", where)
        where += f".{name}"
        _find_key(window, name, where)
    _enter(window, b"[", where)


def _enter(window: _Window, bracket: bytes, where: str) -> None:
    wanted = "an array" if bracket == b"[" else "an object"
    if window.token() != bracket:
        raise window.bad("json_path", f"{where} is not {wanted}; see the stream's 'json_path'")


def _find_key(window: _Window, name: str, where: str) -> None:
    """Move behind the colon of a key of the object that has just been entered."""
    depth = 0
    is_key = True
    while True:
        token = window.token()
        kind = token[0]
        if kind == _QUOTE and not depth and is_key:
            try:
                found = read_value(token)
            except JsonError as error:
                raise window.bad(error.code, str(error)) from None
            if found == name:
                if window.token() != b":":
                    raise window.bad("json_invalid", "a key has no value")
                return
        elif kind in _OPENING:
            depth += 1
        elif kind in _CLOSING:
            if not depth:
                raise window.bad("json_path", f"there is no {where}; see the stream's 'json_path'")
            depth -= 1
        is_key = kind == _COMMA and not depth
