"""What a listing says of a stream's bookmark: files to read, files that are gone, files overlooked.

A bookmark with few files knows each by name. One with many knows the newest by name and takes the
rest for seen by their date; there the sketch of what was sent is compared with a sketch of what was
listed, and what differs is named: a file that vanished, one that came behind the look-back window,
one that was put back to an older version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tap_files.sketch import Sketch, item
from tap_files.state import short

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tap_files.client import FileObject
    from tap_files.sketch import Item
    from tap_files.state import Bookmark


class Findings(NamedTuple):
    """What a whole listing has shown."""

    vanished: list[str]
    late: list[str]
    """Files to be read though their date says that they were."""
    is_sure: bool
    """Whether that is all; more has changed at once than a sketch can tell apart if not."""


class Listed:
    """All listed versions of one source, for the surveys of its streams."""

    def __init__(self, sizes: Iterable[int]) -> None:
        """Prepare for bookmarks whose sketches have these sizes."""
        self.sketches = {size: Sketch(size) for size in sizes}

    def add(self, obj: FileObject) -> Item | None:
        """Count a version in; return it as surveys take it, or None where none needs it."""
        if not self.sketches:
            return None
        version = item(obj.key, short(obj.etag))
        for sketch in self.sketches.values():
            sketch.add(version)
        return version


class Survey:
    """One listing as one bookmark sees it."""

    def __init__(self, bookmark: Bookmark, max_keys: int) -> None:
        """Begin; with ``max_keys`` files or fewer a bookmark needs no sketch any more."""
        self.bookmark = bookmark
        self._unseen = set(bookmark.files)
        sketch = bookmark.sketch
        # What the bookmark believes in, less what was listed.
        self._correction = Sketch(sketch.size) if sketch else None
        self._max_keys = max_keys
        self._by_name: dict[str, FileObject] | None = {} if bookmark.pruned_before else None

    def see(self, obj: FileObject, version: Item | None) -> bool:
        """Note a listed version; return whether the stream needs it."""
        bookmark = self.bookmark
        known = bookmark.files.get(obj.key)
        if known is not None:
            self._unseen.discard(obj.key)
            bookmark.modified[obj.key] = obj.last_modified
        needed = bookmark.needs(obj)
        if not needed:
            if self._by_name is not None:
                self._by_name[obj.key] = obj
                if len(self._by_name) > self._max_keys:
                    self._by_name = None
        else:
            self._leave_out(version, obj.key, known)
        return needed

    def skip(self, obj: FileObject, version: Item | None) -> None:
        """Note a listed version that the settings leave out; what was sent of it stays."""
        known = self.bookmark.files.get(obj.key)
        self._unseen.discard(obj.key)
        self._leave_out(version, obj.key, known)

    def ignore(self, version: Item | None) -> None:
        """Note that a version is listed again, for another source."""
        if self._correction and version:
            self._correction.add(version, -1)

    def _leave_out(self, version: Item | None, key: str, known: str | None) -> None:
        """Take a version out of what the bookmark believes in, and put the one it knows in."""
        self.ignore(version)
        if self._correction and known is not None:
            self._correction.add(item(key, known))

    def settle(self, listed: Iterable[Listed], pending: Collection[str]) -> Findings:
        """Compare the whole listing with the bookmark and correct what the bookmark believes.

        ``listed`` is all of the stream's sources, ``pending`` the keys of the files to read.
        """
        bookmark = self.bookmark
        vanished = list(self._unseen)
        if bookmark.sketch is None or self._correction is None:
            return Findings(vanished, [], is_sure=True)
        believed = self._correction
        for key in vanished:
            believed.add(item(key, bookmark.files[key]))
        for part in listed:
            believed = believed.plus(part.sketches[believed.size])
        difference = bookmark.sketch.difference(believed)
        if difference is None:
            bookmark.sketch = believed
            bookmark.replaced, bookmark.late = {}, set()
            return Findings(vanished, [], is_sure=False)
        bookmark.replaced = dict(difference.only_left)
        bookmark.late = set(difference.only_right)
        vanished += difference.only_left.keys() - difference.only_right.keys() - set(pending)
        if self._by_name is not None and len(self._by_name) + len(pending) <= self._max_keys:
            known = self._by_name.items()
            bookmark.know(
                {key: short(obj.etag) for key, obj in known if key not in bookmark.late},
                {key: obj.last_modified for key, obj in known},
            )
        return Findings(vanished, list(difference.only_right), is_sure=True)
