"""Bookmarks: what a stream has seen of the files, as it stands in Singer state.

Each stream has its own, about itself alone, because a target acknowledges each stream on its own::

    {"bucket": "raps", "cursor": "2026-03-19T18:00:00+00:00", "lsn": 1773943200000000,
     "files": {"lyrics/a.yaml": "Zk3h1QxW"},
     "pruned_before": "…",                      # only with more files than max_state_keys
     "in_progress": {"key": …, "etag": …, "line": …, "lsn": …}}   # only inside a file

While there are at most ``max_state_keys`` files each is known by name, so that a file is new or
changed whatever its date says. Above, only those in the look-back window behind the newest are:
what is older than ``pruned_before`` counts as seen.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import timedelta

    from tap_files.client import FileObject


def short(etag: str) -> str:
    """Return the 48 bits by which state knows an etag."""
    return urlsafe_b64encode(blake2b(etag.encode(), digest_size=6).digest()).decode()


class Bookmark:
    """One stream's bookmark, read from whatever was in the state and written back into it."""

    def __init__(self, found: Any, bucket: str) -> None:
        """Take over what fits of ``found``; another bucket's bookmark says nothing of this one."""
        value: dict[str, Any] = found if isinstance(found, dict) else {}
        lsn = value.get("lsn")
        self.lsn: int = lsn if isinstance(lsn, int) else 0
        if value.get("bucket") != bucket:
            value = {}
        self.bucket = bucket
        self.files = _texts(value.get("files"))
        self.cursor = _moment(value.get("cursor"))
        self.pruned_before = _moment(value.get("pruned_before"))
        self.is_whole = value.get("is_whole") is True
        """Whether the target was last sent every file, without their names being kept here."""
        self._in_progress = _progress(value.get("in_progress"))

    def needs(self, obj: FileObject) -> bool:
        """Return whether this version of the file is still to be read for the stream."""
        known = self.files.get(obj.key)
        if known is not None:
            return known != short(obj.etag)
        return self.pruned_before is None or obj.last_modified >= self.pruned_before

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
        self.files[obj.key] = short(obj.etag)
        self.cursor = max(self.cursor or obj.last_modified, obj.last_modified)
        self.lsn = max(self.lsn, lsn)
        self._in_progress = {}

    def forget(self, keys: Collection[str]) -> None:
        """Drop files that are gone; one that comes back is new."""
        for key in keys:
            self.files.pop(key, None)

    def prune(
        self, max_keys: int, lookback: timedelta, modified: Callable[[str], datetime | None]
    ) -> None:
        """Keep no more names than the settings allow.

        ``modified`` gives a listed file's date; one without is gone, which is still to be told.
        """
        if len(self.files) <= max_keys or self.cursor is None:
            return
        horizon = self.cursor - lookback
        self.pruned_before = max(self.pruned_before or horizon, horizon)
        self.files = {
            key: etag
            for key, etag in self.files.items()
            if (date := modified(key)) is None or date >= self.pruned_before
        }

    def value(self) -> dict[str, Any]:
        """Return what goes into the state."""
        value: dict[str, Any] = {"bucket": self.bucket, "lsn": self.lsn, "files": self.files}
        if self.cursor:
            value["cursor"] = self.cursor.isoformat()
        if self.pruned_before:
            value["pruned_before"] = self.pruned_before.isoformat()
        if self.is_whole:
            value["is_whole"] = True
        if self._in_progress:
            value["in_progress"] = self._in_progress
        return value


def _texts(found: Any) -> dict[str, str]:
    if not isinstance(found, dict):
        return {}
    return {key: etag for key, etag in found.items() if isinstance(etag, str)}


def _moment(found: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(found)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _progress(found: Any) -> dict[str, Any]:
    if (
        isinstance(found, dict)
        and isinstance(found.get("key"), str)
        and isinstance(found.get("etag"), str)
        and all(isinstance(found.get(name), int) for name in ("line", "lsn"))
    ):
        return found
    return {}
