"""Delete records for stores that are read directly (`detect_deletes: soft`).

What a file no longer has is told for each stream and key. The keys it had are remembered in the
stream's bookmark, up to `max_state_keys`; those of further files are read from the object's
previous versions where the bucket keeps them. A delete is one version older than what the same run
writes, and other files that are known to have the key are read again, so that a record which only
moved, or is in two files, stays: also in a store that knows nothing of files.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from singer_kit.contract import ContractMode, Tally
from singer_kit.writer import encoder
from tap_files.client import UnavailableError
from tap_files.formats.json_value import decode
from tap_files.reading import MAX_WARNINGS, Counts, Reading, end_of_record
from tap_files.state import short

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_files.client import FileObject, Store
    from tap_files.plan import Plan
    from tap_files.settings import Settings
    from tap_files.state import Bookmark
    from tap_files.streams import FileStream, RecordStream

logger = logging.getLogger("tap-files")

Found = Callable[["RecordStream", dict[str, Any], int], None]


class Keys:
    """The keys of one file's records, by stream; as JSON, up to a number."""

    def __init__(self, streams: Iterable[RecordStream], limit: int) -> None:
        self._limit = limit
        self.by_stream: dict[FileStream, set[bytes] | None] = {stream: set() for stream in streams}

    def add(self, stream: RecordStream, record: dict[str, Any], lineno: int) -> None:
        """Note a record; with too many the stream's keys become None."""
        found = self.by_stream.get(stream)
        if found is not None:
            found.add(key_of(stream, record, lineno))
            if len(found) > self._limit:
                self.by_stream[stream] = None


def key_of(stream: RecordStream, record: dict[str, Any], lineno: int) -> bytes:
    """Return what identifies the record within its file, as a JSON array."""
    return encoder.encode([record.get(name) for name in stream.keys] or [lineno])


class Deletes:
    """Finds and writes the delete records of one run."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        bookmarks: dict[FileStream, Bookmark],
    ) -> None:
        self._settings = settings
        self._store = store
        self._bookmarks = bookmarks
        self._lsn = 0
        self._seen_at = datetime.now(UTC)
        self._warned: set[str] = set()
        self._fresh: set[tuple[str, str]] = set()
        """Stream and key of files whose records have this listing's version."""
        self.is_more_to_read = False
        """Whether files are to be read again because they share a key with a delete."""

    def begin(self, lsn: int, seen_at: datetime) -> None:
        """Take the version and time of a new listing."""
        self._lsn = lsn
        self._seen_at = seen_at
        self._fresh.clear()
        self.is_more_to_read = False

    def collect(self, plan: Plan, needing: Iterable[FileStream]) -> Keys | None:
        """Return where a reading puts the keys it finds, or None where nobody asks for them."""
        if not self._settings.detects_deletes:
            return None
        wanted = set(needing)
        return Keys((s for s in plan.streams if s in wanted), self._settings.max_state_keys)

    def compare(
        self, plan: Plan, obj: FileObject, keys: Keys | None, reading: Reading, lsn: int
    ) -> None:
        """Write deletes for what this version of the file lacks; call before it is finished.

        Of a version that could not be read at all nothing is said: the one before it stays.
        """
        if keys is None or (reading.rejected and not reading.rows):
            return
        for stream in plan.streams:
            if stream not in keys.by_stream:
                continue
            bookmark = self._bookmarks[stream]
            had = bookmark.known(obj.key)
            found = keys.by_stream[stream]
            is_known = had is not None or obj.key in bookmark.keys
            if is_known and found is None:
                self._warn(stream, f"{obj.key} has more than {self._settings.max_state_keys} keys")
            elif is_known and found is not None:
                self._write_absent(plan, stream, obj.key, found, obj.etag)
            if lsn == self._lsn:
                self._fresh.add((stream.name, obj.key))
            bookmark.remember(obj.key, found, self._settings.max_state_keys)

    def vanish(self, plan: Plan, stream: RecordStream, key: str) -> None:
        """Write deletes for all that a vanished file had; call before it is forgotten."""
        if not self._settings.detects_deletes:
            return
        self._write_absent(plan, stream, key, set(), None)

    def _write_absent(
        self, plan: Plan, stream: RecordStream, key: str, found: set[bytes], etag: str | None
    ) -> None:
        bookmark = self._bookmarks[stream]
        remembered = bookmark.keys.get(key)
        if remembered is not None:
            gone = [text for text in map(str.encode, remembered) if text not in found]
            for text in gone:
                self._delete(stream, key, text)
            self._read_sharers_again(stream, key, gone)
            return

        def absent(of: RecordStream, record: dict[str, Any], lineno: int) -> None:
            if of is stream and (text := key_of(of, record, lineno)) not in found:
                self._delete(stream, key, text)
                self._read_sharers_again(stream, key, [text])

        if not self._read_older(plan, key, bookmark.known(key), etag, absent):
            self._warn(stream, f"{key} changed or vanished, and the keys it had are not known")

    def _read_older(
        self, plan: Plan, key: str, known: str | None, etag: str | None, found: Found
    ) -> bool:
        """Read the versions back to the last that gave a record to this stream's target."""
        is_reached = known is None
        for older in self._store.older_versions(key):
            if older.obj.etag == etag:
                continue
            reading = Reading(
                plan=plan,
                settings=replace(
                    self._settings, on_bad_file="skip", contract_mode=_lenient(self._settings)
                ),
                obj=older.obj,
                bucket=self._store.bucket,
                lsn=0,
                after={},
                tallies={s.name: Tally(s.name, 1) for s in [*plan.roots, plan.first]},
                counts=Counts(warned=MAX_WARNINGS),
                pause_documents=2**62,
                found=found,
            )
            try:
                reading.read(older.chunks, 0, lambda: None)
            except UnavailableError:
                return False
            is_reached |= short(older.obj.etag) == known
            if is_reached and (reading.rows or not reading.rejected):
                return True
        return False

    def _delete(self, stream: RecordStream, key: str, text: bytes) -> None:
        names = stream.keys or ("_sdc_source_lineno",)
        record: dict[str, Any] = {
            **dict(zip(names, decode(text), strict=True)),
            "_sdc_source_bucket": self._store.bucket,
            "_sdc_source_file": key,
            "_sdc_lsn": self._lsn - 1,
            "_sdc_deleted_at": self._seen_at.isoformat(),
        }
        stream.emit(record, end_of_record(self._seen_at))
        bookmark = self._bookmarks[stream]
        bookmark.lsn = max(bookmark.lsn, self._lsn)

    def _read_sharers_again(self, stream: RecordStream, key: str, gone: Iterable[bytes]) -> None:
        if not stream.keys:
            return  # lines are a file's own
        lost = {text.decode() for text in gone}
        bookmark = self._bookmarks[stream]
        if not lost:
            return
        sharers = [
            other
            for other, keys in bookmark.keys.items()
            if other != key
            and (stream.name, other) not in self._fresh
            and not lost.isdisjoint(keys)
        ]
        for other in sharers:
            bookmark.forget_version(other)
            self.is_more_to_read = True

    def _warn(self, stream: RecordStream, what: str) -> None:
        """Say once for each stream that deletes may be missing."""
        if stream.name not in self._warned:
            self._warned.add(stream.name)
            logger.warning(
                "stream %r: %s; deletes may be missing: raise max_state_keys, or keep versions of "
                "the bucket's objects and allow s3:ListBucketVersions and s3:GetObjectVersion",
                stream.name,
                what,
            )


def _lenient(settings: Settings) -> ContractMode:
    is_off = settings.contract_mode == ContractMode.OFF
    return ContractMode.OFF if is_off else ContractMode.QUARANTINE
