"""What the tap asks of a store of files: list objects, and open one in the version listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

CHUNK_BYTES = 1024 * 1024


class FileObject(NamedTuple):
    """One listed version of a file; sorts in the order in which files are processed."""

    last_modified: datetime
    """Aware, UTC."""
    key: str
    etag: str
    size: int
    """Bytes."""


class Listing(NamedTuple):
    """The objects under a prefix at one moment."""

    objects: Iterable[FileObject]
    """To be gone through once; raises as :meth:`Store.list_objects` does."""
    clock: datetime
    """The store's own time when it answered first: nothing listed is newer."""


class Older(NamedTuple):
    """A version of a file that is not the current one."""

    obj: FileObject
    chunks: Iterable[bytes]
    """Its bytes; raises as :meth:`Store.stream` does."""


class UnavailableError(Exception):
    """The listed version of one file cannot be had; the run goes on without it."""


class VanishedError(UnavailableError):
    """The file was removed after it was listed."""


class ChangedError(UnavailableError):
    """The file was written again after it was listed."""


class Store(Protocol):
    """A bucket, or a folder that plays one."""

    bucket: str
    """Name, for lineage."""

    def list_objects(self, prefix: str) -> Listing:
        """Return all objects whose key begins with ``prefix``, in no particular order.

        They come page by page, so that a listing takes no memory of its size.

        Raises:
            SourceUnreachableError: the store cannot be reached or refuses.
        """
        ...

    def read(self, obj: FileObject) -> bytes:
        """Return the bytes of the listed version. Called from several threads.

        Raises:
            UnavailableError: that version is gone.
            SourceUnreachableError: the store cannot be reached or refuses.
        """
        ...

    def stream(self, obj: FileObject) -> Iterator[bytes]:
        """Yield the bytes of the listed version in chunks; raises as :meth:`read` does."""
        ...

    def older_versions(self, key: str) -> Iterable[Older]:
        """Yield the versions that the store kept of a file, the newest first; maybe none.

        The file's current version may be among them.

        Raises:
            SourceUnreachableError: the store cannot be reached.
        """
        ...
