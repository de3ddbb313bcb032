"""Compressed files as plain chunks: recognised by their first bytes, read in constant memory.

What a file may unfold to is bounded by its own size, so that a bomb costs no more than a file
that is honestly large. A fault says at which byte of the compressed file it shows, and on which
line of the text: what was read before it is good.
"""

from __future__ import annotations

import bz2
import gzip
import sys
import zlib
from contextlib import closing
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, NamedTuple
from zipfile import BadZipFile, ZipFile

from tap_files.client import CHUNK_BYTES
from tap_files.formats.document import BadFileError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any
    from zipfile import ZipInfo

MAX_RATIO, RATIO_ALLOWANCE = 250, 64 * 1024 * 1024
"""Text is at most 250 times as long as what it was compressed to, beyond the first 64 MiB."""
MAX_BYTES = 64 * 1024 * 1024 * 1024
SPOOL_BYTES = 8 * 1024 * 1024
"""An archive's directory stands at its end: a larger one waits in a temporary file."""
MAX_ZSTD_WINDOW_LOG = 27
"""128 MiB; what `zstd --ultra -22` needs, and no more of our memory."""

ENDINGS = {
    ".gz": "gzip",
    ".gzip": "gzip",
    ".zst": "zstd",
    ".zstd": "zstd",
    ".bz2": "bzip2",
    ".zip": "zip",
}

# An archive without members begins with the end of its directory.
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
}
_MAGIC_BYTES = 4

_FAULTS = (EOFError, OSError, zlib.error, zstd.ZstdError)
# What zipfile raises besides: a password is needed, or a method is not known, whose error is a
# RuntimeError too.
_ZIP_FAULTS = (*_FAULTS, BadZipFile, RuntimeError)


def ending(key: str) -> str:
    """Return the ending that says a compression, as written, or nothing."""
    found = key[max(key.rfind("."), 0) :]
    return found if found.lower() in ENDINGS else ""


class Member(NamedTuple):
    """A part of an archive with a name of its own."""

    name: str
    chunks: Iterable[bytes]


class Opened(NamedTuple):
    """A file with its compression found: plain chunks, or the members of an archive."""

    chunks: Iterable[bytes] = ()
    members: Iterable[Member] | None = None


def opened(chunks: Iterable[bytes], key: str, setting: str) -> Opened:
    """Return a file's content without its compression.

    Args:
        chunks: the file as stored.
        key: its name; `auto` refuses an empty file whose name promises a compression.
        setting: `auto` goes by the first bytes, anything else is a name, or `none`.

    Raises:
        BadFileError: here, or while reading what is returned: the file is not what was said,
            ends early, or unfolds to too much.
        UnavailableError: the version that was listed is gone.
    """
    if setting == "none":
        return Opened(chunks)
    source = _Source(chunks)
    found = setting
    if setting == "auto":
        first = source.peek(_MAGIC_BYTES)
        found = next((name for magic, name in _MAGIC.items() if first.startswith(magic)), "none")
        if not first:
            found = ENDINGS.get(ending(key).lower(), "none")
    if found == "none":
        return Opened(source)
    if not source.peek(1):
        raise BadFileError(1, f"{found}_invalid", f"line 1: no {found} data: the file has 0 bytes")
    if found == "zip":
        return Opened(members=_members(source))
    return Opened(_plain(_OPENERS[found](source), found, _Budget(lambda: source.position)))


class _Source:
    """Chunks as something to read from, which knows how far it is."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""
        self.position = 0
        """Bytes handed out."""

    def __iter__(self) -> Iterator[bytes]:
        if self._rest:
            yield self._rest
        yield from self._chunks

    def peek(self, size: int) -> bytes:
        """Return the next bytes, fewer only at the end, and leave them where they are."""
        while len(self._rest) < size and (chunk := next(self._chunks, None)) is not None:
            self._rest += chunk
        return self._rest[:size]

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes, and nothing only at the end."""
        self.peek(1)
        found, self._rest = self._rest[:size], self._rest[size:]
        self.position += len(found)
        return found


class _Budget:
    """How much a file may still unfold to."""

    def __init__(self, compressed: Callable[[], int]) -> None:
        self.compressed = compressed
        self._spent = 0

    def spend(self, size: int) -> str | None:
        """Count bytes; return what is wrong with so many, or None."""
        self._spent += size
        if self._spent > MAX_BYTES:
            return f"unfolds to more than {MAX_BYTES} bytes"
        if self._spent > RATIO_ALLOWANCE + MAX_RATIO * self.compressed():
            return f"unfolds to more than {MAX_RATIO} times its size; is this a bomb?"
        return None


class BombError(BadFileError):
    """The file unfolds to too much: nothing more of it is read."""


def _plain(file: Any, name: str, budget: _Budget) -> Iterator[bytes]:
    """Yield what the file unfolds to."""
    lineno = 1
    with closing(file):
        while True:
            try:
                # Not read(): with a fault it would lose the good data it had gathered before.
                chunk = file.read1(CHUNK_BYTES)
            except _ZIP_FAULTS as error:
                raise _bad(lineno, name, budget.compressed(), error) from None
            if not chunk:
                return
            if excess := budget.spend(len(chunk)):
                raise BombError(lineno, f"{name}_bomb", f"line {lineno}: {excess}")
            yield chunk
            lineno += chunk.count(b"\n")


def _members(source: _Source) -> Iterator[Member]:
    """Yield an archive's files in the order of its directory."""
    with SpooledTemporaryFile(SPOOL_BYTES) as spool:
        size = 0
        for chunk in source:
            size += spool.write(chunk)
        try:
            archive = ZipFile(spool)
        except _ZIP_FAULTS as error:
            raise _bad(1, "zip", size, error) from None
        budget = _Budget(lambda: size)
        with archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield Member(info.filename, _member(archive, info, budget))


def _member(archive: ZipFile, info: ZipInfo, budget: _Budget) -> Iterator[bytes]:
    try:
        file = archive.open(info)
    except _ZIP_FAULTS as error:
        raise _bad(1, "zip", budget.compressed(), error) from None
    yield from _plain(file, "zip", budget)


def _bad(lineno: int, name: str, position: int, error: Exception) -> BadFileError:
    said = "ends early" if isinstance(error, EOFError) else " ".join(str(error).split())
    return BadFileError(
        lineno,
        f"{name}_truncated" if isinstance(error, EOFError) else f"{name}_invalid",
        f"line {lineno}: broken {name} data before byte {position} of the file: {said}",
    )


# They only ever read, and are only read from: the stubs have no common name for that.
_OPENERS: dict[str, Callable[[Any], Any]] = {
    "gzip": lambda source: gzip.GzipFile(fileobj=source, mode="rb"),
    "bzip2": bz2.BZ2File,
    "zstd": lambda source: zstd.ZstdFile(
        source, options={zstd.DecompressionParameter.window_log_max: MAX_ZSTD_WINDOW_LOG}
    ),
}
