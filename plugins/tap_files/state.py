"""Bookmarks: what a stream has seen of the files, as it stands in Singer state.

Each stream has its own, about itself alone, because a target acknowledges each stream on its own::

    {"bucket": "raps", "cursor": "2026-03-19T18:00:00+00:00", "lsn": 1773943200000000,
     "files": {"lyrics/a.yaml": "Zk3h1QxW"},
     "pruned_before": ["2026-03-19T17:00:00+00:00", ""], "sketch": "…",  # only with many files
     "in_progress": {"key": …, "etag": …, "line": …, "lsn": …}}   # only inside a file

While there are at most ``max_state_keys`` files each is known by name, so that a file is new or
changed whatever its date says. Above, only those in the look-back window behind the newest are:
what is older than ``pruned_before`` (a time and a key) counts as seen, until the comparison of the
sketch with a listing says otherwise (see :mod:`tap_files.survey`).
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from tap_files.sketch import Sketch, item

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta

    from tap_files.client import FileObject

CELLS_SHARE = 7
"""A sketch has this many times fewer cells than ``max_state_keys``, and never fewer than …"""
MIN_CELLS = 96


def short(etag: str) -> str:
    """Return the 48 bits by which state knows an etag."""
    return urlsafe_b64encode(blake2b(etag.encode(), digest_size=6).digest()).decode()


class Bookmark:
    """One stream's bookmark, read from whatever was in the state and written back into it."""

    def __init__(self, found: Any, bucket: str, start: datetime | None = None) -> None:
        """Take over what fits of ``found``; another bucket's bookmark says nothing of this one.

        With another ``start`` only what is known by name still holds.
        """
        value: dict[str, Any] = found if isinstance(found, dict) else {}
        lsn = value.get("lsn")
        self.lsn: int = lsn if isinstance(lsn, int) else 0
        if value.get("bucket") != bucket:
            value = {}
        self.bucket = bucket
        self.files = _texts(value.get("files"))
        self.modified: dict[str, datetime] = {}
        """When those of ``files`` that this run has met were last modified."""
        self.cursor = _moment(value.get("cursor"))
        self._start = start and start.isoformat()
        self.sketch = Sketch.read(value.get("sketch"))
        self.pruned_before = _edge(value.get("pruned_before"))
        self.keys = _lists(value.get("keys"))
        """Keys of the records that were sent of a file; only with `detect_deletes`."""
        self._key_count = sum(map(len, self.keys.values()))
        self.replaced: dict[str, str] = {}
        """Versions that the sketch has and the listing has not."""
        self.late: set[str] = set()
        """Files that the listing has and the sketch has not, however old they are."""
        self.owes_listing = value.get("owes_listing") is True
        """Whether the target is still to be sent every file that there is."""
        self._in_progress = _progress(value.get("in_progress"))
        if self.sketch is None or self.pruned_before is None or value.get("start") != self._start:
            # One without the other says nothing: what has no name is read again.
            self.owes_listing |= "sketch" in value
            self.sketch = self.pruned_before = None

    def needs(self, obj: FileObject) -> bool:
        """Return whether this version of the file is still to be read for the stream."""
        known = self.files.get(obj.key)
        if known is not None:
            return known != short(obj.etag)
        edge = self.pruned_before
        return edge is None or (obj.last_modified, obj.key) >= edge or obj.key in self.late

    def progress(self, obj: FileObject) -> Mapping[str, Any]:
        """Return how far this version was read: ``line``, ``lsn``, counts; or empty."""
        found = self._in_progress
        if found and (found["key"], found["etag"]) == (obj.key, short(obj.etag)):
            return found
        return {}

    def reach(self, obj: FileObject, line: int, lsn: int, **counts: int) -> None:
        """Note that everything up to ``line`` of the file has been emitted."""
        self._in_progress = {
            "key": obj.key,
            "etag": short(obj.etag),
            "line": line,
            "lsn": lsn,
            **counts,
        }
        self.lsn = max(self.lsn, lsn)

    def finish(self, obj: FileObject, lsn: int) -> None:
        """Note that the whole file has been emitted."""
        self.forget_version(obj.key)
        self.files[obj.key] = etag = short(obj.etag)
        self.modified[obj.key] = obj.last_modified
        if self.sketch:
            self.sketch.add(item(obj.key, etag))
        self.cursor = max(self.cursor or obj.last_modified, obj.last_modified)
        self.lsn = max(self.lsn, lsn)
        self._in_progress = {}

    def known(self, key: str) -> str | None:
        """Return the etag in short of what was sent of the file, as far as it is known."""
        return self.files.get(key) or self.replaced.get(key)

    def remember(self, key: str, keys: Iterable[bytes] | None, limit: int) -> None:
        """Keep the keys of a file's records, unless that made more than ``limit`` of them."""
        self._key_count -= len(self.keys.pop(key, ()))
        if keys is not None:
            texts = sorted(map(bytes.decode, keys))
            if self._key_count + len(texts) <= limit:
                self.keys[key] = texts
                self._key_count += len(texts)

    def forget(self, keys: Iterable[str]) -> None:
        """Drop files that are gone; one that comes back is new."""
        for key in keys:
            self._key_count -= len(self.keys.pop(key, ()))
            self.forget_version(key)

    def forget_version(self, key: str) -> None:
        """Drop which version of the file was sent: it is needed again."""
        etag = self.files.pop(key, None) or self.replaced.get(key)
        if etag and self.sketch:
            self.sketch.add(item(key, etag), -1)
        self.replaced.pop(key, None)
        self.late.discard(key)

    def know(self, files: Mapping[str, str], modified: Mapping[str, datetime]) -> None:
        """Know these and all that is believed by name, now that they are few enough."""
        self.files = {**files, **self.files, **self.replaced}
        self.modified = {**self.modified, **modified}
        self.sketch = self.pruned_before = None
        self.replaced, self.late = {}, set()

    def prune(self, max_keys: int, lookback: timedelta) -> None:
        """Keep no more names than the settings allow; the sketch keeps them all."""
        if len(self.files) <= max_keys or self.cursor is None:
            return
        if self.pruned_before is None:
            size = 3 * max(MIN_CELLS // 3, max_keys // (3 * CELLS_SHARE))
            self.sketch = Sketch.of(size, self.files.items())
        dated = sorted((date, key) for key, date in self.modified.items() if key in self.files)
        horizon = (self.cursor - lookback, "")
        edge = max(self.pruned_before or horizon, horizon)
        if len(dated) > max_keys:
            edge = max(edge, dated[-max_keys])
        self.pruned_before = edge
        old = {key for date, key in dated if (date, key) < edge}
        # One without a date was not listed: that it is gone is still to be told.
        self.files = {key: etag for key, etag in self.files.items() if key not in old}
        self.modified = {key: date for date, key in dated if key not in old}

    def value(self) -> dict[str, Any]:
        """Return what goes into the state."""
        value: dict[str, Any] = {"bucket": self.bucket, "lsn": self.lsn, "files": self.files}
        if self.cursor:
            value["cursor"] = self.cursor.isoformat()
        if self.pruned_before:
            moment, key = self.pruned_before
            value["pruned_before"] = [moment.isoformat(), key]
        if self.sketch:
            value["sketch"] = self.sketch.text()
            value["start"] = self._start
        if self.owes_listing:
            value["owes_listing"] = True
        if self.keys:
            value["keys"] = self.keys
        if self._in_progress:
            value["in_progress"] = self._in_progress
        return value


def _texts(found: Any) -> dict[str, str]:
    if not isinstance(found, dict):
        return {}
    return {key: etag for key, etag in found.items() if isinstance(etag, str)}


def _lists(found: Any) -> dict[str, list[str]]:
    if not isinstance(found, dict):
        return {}
    return {
        file: [key for key in keys if isinstance(key, str)]
        for file, keys in found.items()
        if isinstance(keys, list)
    }


def _moment(found: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(found)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _edge(found: Any) -> tuple[datetime, str] | None:
    match found:
        case [moment, str(key)] if edge := _moment(moment):
            return edge, key
        case _:
            return None


def _progress(found: Any) -> dict[str, Any]:
    if (
        isinstance(found, dict)
        and isinstance(found.get("key"), str)
        and isinstance(found.get("etag"), str)
        and all(isinstance(found.get(name), int) for name in ("line", "lsn"))
    ):
        return found
    return {}
