"""A local folder as a store: keys are paths below it, an etag is made of time and size."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from singer_kit.errors import SourceUnreachableError
from tap_files.client import CHUNK_BYTES, ChangedError, FileObject, Listing, VanishedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from tap_files.client import Older


class LocalStore:
    """Files below a root folder; folders that are symbolic links are not entered."""

    def __init__(self, root: str) -> None:
        self._root = Path(root).absolute()
        self.bucket = self._root.name

    def list_objects(self, prefix: str) -> Listing:
        """Return every file below the root whose path begins with ``prefix``.

        Raises:
            SourceUnreachableError: the root folder cannot be read.
        """
        clock = datetime.now(UTC)
        if not self._root.is_dir():
            raise SourceUnreachableError(
                f"setting 'bucket': {str(self._root)!r} is no folder; give the folder of the files"
            )
        # Only the folder that the prefix names can hold matches.
        folder = self._root / prefix.rpartition("/")[0]
        return Listing(self._walk(folder, prefix), clock)

    def _walk(self, folder: Path, prefix: str) -> Iterator[FileObject]:
        for parent, _, names in os.walk(folder, onerror=_refuse):
            for name in names:
                path = Path(parent, name)
                key = path.relative_to(self._root).as_posix()
                if not key.startswith(prefix) or not _is_text(key):
                    continue
                try:
                    status = path.stat()
                except FileNotFoundError:
                    continue  # removed while we looked
                yield FileObject(
                    datetime.fromtimestamp(status.st_mtime, UTC),
                    key,
                    _etag(status),
                    status.st_size,
                )

    def read(self, obj: FileObject) -> bytes:
        """Return the file's bytes; see :class:`~tap_files.client.Store`."""
        with self._open(obj) as file:
            return file.read()

    def stream(self, obj: FileObject) -> Iterator[bytes]:
        """Yield the file's bytes in chunks; see :class:`~tap_files.client.Store`."""
        with self._open(obj) as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
            # A file that is written to while it is read is no version of anything.
            _same(obj, file)

    def older_versions(self, key: str) -> Iterable[Older]:  # noqa: ARG002 - what every store is asked
        """Return nothing: a folder keeps no versions."""
        return ()

    def _open(self, obj: FileObject) -> BinaryIO:
        try:
            file = (self._root / obj.key).open("rb")
        except FileNotFoundError:
            raise VanishedError(obj.key) from None
        except OSError as error:
            raise SourceUnreachableError(
                f"file {obj.key!r} cannot be read: {error.strerror}; check its rights"
            ) from None
        try:
            _same(obj, file)
        except ChangedError:
            file.close()
            raise
        return file


def _same(obj: FileObject, file: BinaryIO) -> None:
    if _etag(os.fstat(file.fileno())) != obj.etag:
        raise ChangedError(obj.key)


def _etag(status: os.stat_result) -> str:
    return blake2b(f"{status.st_mtime_ns} {status.st_size}".encode(), digest_size=16).hexdigest()


def _is_text(key: str) -> bool:
    """A name that is not UTF-8 cannot be written into a record."""
    return key.isascii() or not any("\ud800" <= character <= "\udfff" for character in key)


def _refuse(error: OSError) -> None:
    if isinstance(error, FileNotFoundError):
        return  # a prefix without files, or a folder removed while we looked
    raise SourceUnreachableError(
        f"folder {str(error.filename)!r} cannot be listed: {error.strerror}; check its rights"
    )
