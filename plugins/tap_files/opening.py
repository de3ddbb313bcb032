"""From a file as stored to its documents: compression first, then format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_files.compression import BombError, ending, opened
from tap_files.formats import BadFileError, Unreadable, format_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_files.compression import Member
    from tap_files.formats import Document
    from tap_files.stream_settings import SourceSettings


def is_read(key: str, source: SourceSettings) -> bool:
    """Return whether the source's settings give a way to read a file of that name."""
    is_archive = source.compression in ("auto", "zip") and ending(key).lower() == ".zip"
    return is_archive or format_of(_inner(key, source), source.format, source.dialect) is not None


def documents(
    chunks: Iterable[bytes], key: str, source: SourceSettings
) -> Iterator[Document | Unreadable]:
    """Read a file's documents.

    Raises:
        BadFileError: what follows cannot be read; what came before is good.
        UnavailableError: the version that was listed is gone.
    """
    content = opened(chunks, key, source.compression)
    if content.members is not None:
        yield from _of_members(content.members, source)
        return
    file_format = format_of(_inner(key, source), source.format, source.dialect)
    if file_format is None:
        raise BadFileError(1, "zip_invalid", "line 1: named as a zip archive, and is none")
    yield from file_format(content.chunks)


def _of_members(
    members: Iterable[Member], source: SourceSettings
) -> Iterator[Document | Unreadable]:
    """Read an archive: lines count on from member to member, a broken one costs only itself."""
    before = 0
    for member in members:
        file_format = format_of(member.name, source.format, source.dialect)
        if file_format is None:
            continue
        lines = _Lines(member.chunks)
        last = 0
        try:
            for document in file_format(lines):
                last = document.lineno
                if isinstance(document, Unreadable):
                    said = f"member {member.name!r} {document.message}"
                    yield document._replace(lineno=before + last, message=said)
                else:
                    yield document._replace(lineno=before + last)
        except BadFileError as error:
            # The line may have passed already: a row of its own needs one of its own.
            last = max(last + 1, error.lineno)
            said = f"member {member.name!r} {error}"
            if isinstance(error, BombError):
                raise BombError(before + last, error.code, said) from None
            yield Unreadable(before + last, error.code, said, "")
        before += max(last, lines.count)


class _Lines:
    """Chunks whose lines are counted as they pass."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._ends = 0
        self._is_open = False

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._ends += chunk.count(b"\n")
            self._is_open = not chunk.endswith(b"\n")
            yield chunk

    @property
    def count(self) -> int:
        """Return how many lines have passed; the last may lack its end."""
        return self._ends + self._is_open


def _inner(key: str, source: SourceSettings) -> str:
    """Return the name that says the format: without the ending of a compression."""
    return key if source.compression == "none" else key.removesuffix(ending(key))
