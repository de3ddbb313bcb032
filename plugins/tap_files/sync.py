"""One run: list, fetch ahead, parse once, check once, write for every stream that needs it.

State speaks of a file when its records have been written, and is written at safe points: behind a
file, and inside a large one behind a document. Whatever ends a run, its last message is a STATE
that covers nothing but what was written before it.
"""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from singer_sdk.metrics import Metric
from singer_sdk.singerlib import ActivateVersionMessage, StateMessage

from singer_kit import metrics
from singer_kit.contract import Tally
from singer_kit.metrics import Measure
from tap_files.client import UnavailableError, VanishedError
from tap_files.opening import is_read
from tap_files.prefetch import Fetched, fetch
from tap_files.reading import Counts, Reading, end_of_record
from tap_files.state import Bookmark

if TYPE_CHECKING:
    from tap_files.client import FileObject, Listing, Store
    from tap_files.plan import Plan
    from tap_files.settings import Settings
    from tap_files.streams import FileStream
    from tap_files.tap import TapFiles

STATE_SECONDS = 5.0
PAUSE_DOCUMENTS = 256
"""Inside a file the clock and the wish to stop are looked at so often."""


class StopRun(Exception):  # noqa: N818 - no error: somebody or a limit asked for the end
    """The run ends at this safe point."""


class Work(NamedTuple):
    """A plan with the files that were listed for it."""

    plan: Plan
    objects: list[FileObject]
    """Those to read, in order, new or not."""
    listed: frozenset[str]
    """Every key of the source."""


class Sync:
    """One run of the tap."""

    def __init__(self, tap: TapFiles, settings: Settings, store: Store, limit: int | None) -> None:
        self._tap = tap
        self._settings = settings
        self._store = store
        self._limit = limit
        self._started = time.monotonic()
        self._stated = self._started
        self._counts = Counts()
        self._tallies: dict[str, Tally] = {}
        self._bookmarks: dict[FileStream, Bookmark] = {}
        self._dates: dict[str, datetime] = {}
        self._lsn = 0
        self._seen_at = datetime.now(UTC)
        self._version: int | None = None
        """Set when there are too many files to remember: then all of `_files` is sent anew."""
        self._sent: set[str] = set()

    def run(self) -> None:
        """Read what is new.

        Raises:
            SourceUnreachableError: the store cannot be reached, or went away for good.
            ContractExceededError: the settings say that so many faults end the run.
        """
        found = self._tap.state.get("bookmarks", {})
        self._bookmarks = {
            stream: Bookmark(found.get(stream.name), self._store.bucket)
            for stream in self._tap.file_streams()
            if stream.selected
        }
        for stream in self._bookmarks:
            stream.prepare()
        try:
            self._read_all()
        except StopRun as stop:
            self._tap.logger.warning("%s: stopped at a safe point; run again to go on", stop)
        finally:
            self._write_state()
            self._measure()

    def _read_all(self) -> None:
        works = self._list()
        keys = sum(len(work.listed) for work in works)
        known = self._files_bookmark
        too_many = keys > self._settings.max_state_keys
        if known and (too_many or known.is_whole):
            self._version = self._lsn
            known.forget(list(known.files))
            known.is_whole = True
        for work in works:
            self._read_source(work)
            self._forget_vanished(work)
        if known and self._version is not None and self._limit is None:
            self._send_listing(works)
            if not too_many:
                self._remember_listing(works, known)

    def _list(self) -> list[Work]:
        """List every source that a selected stream needs, before any is read."""
        listings: dict[str, Listing] = {}
        works = []
        for plan in self._tap.plans:
            if not self._files_bookmark and not any(s in self._bookmarks for s in plan.all()):
                continue
            source = plan.source
            if source.prefix not in listings:
                listings[source.prefix] = self._store.list_objects(source.prefix)
            start = self._settings.start_date
            matching = [
                obj
                for obj in listings[source.prefix].objects
                if source.matches(obj.key) and is_read(obj.key, source)
            ]
            self._dates.update((obj.key, obj.last_modified) for obj in matching)
            works.append(
                Work(
                    plan,
                    sorted(o for o in matching if start is None or o.last_modified >= start),
                    frozenset(obj.key for obj in matching),
                )
            )
        if listings:
            self._seen_at = min(listing.clock for listing in listings.values())
        clock = int(self._seen_at.timestamp()) * 1_000_000 + self._seen_at.microsecond
        self._lsn = max([clock, *(bookmark.lsn + 1 for bookmark in self._bookmarks.values())])
        return works

    def _read_source(self, work: Work) -> None:
        plan = work.plan
        for root in [*plan.roots, plan.first]:
            self._tallies.setdefault(root.name, Tally(root.name, self._settings.max_rejected_ratio))
        pending = [obj for obj in work.objects if self._needing(plan, obj)][: self._limit]
        name = plan.source.prefix or plan.first.name
        done = 0
        with closing(fetch(self._store, pending, self._proceed)) as files:
            for fetched in files:
                self._read_file(plan, fetched)
                done += 1
                self._safe_point(f"{name}: {done} of {len(pending)} files")
                self._tallies[plan.first.name].check()
        if pending:
            newest = pending[-1].last_modified
            lag = (datetime.now(UTC) - newest).total_seconds()
            metrics.gauge(Measure.LAG_SECONDS, round(lag, 3), stream=plan.first.name)

    def _needing(self, plan: Plan, obj: FileObject) -> list[FileStream]:
        """Return the streams that have not all of this version."""
        streams = [stream for stream in plan.all() if stream in self._bookmarks]
        if self._files_bookmark and self._version is None:
            streams.append(self._tap.files_stream)
        return [stream for stream in streams if self._bookmarks[stream].needs(obj)]

    def _read_file(self, plan: Plan, fetched: Fetched) -> None:
        obj = fetched.obj
        needing = self._needing(plan, obj)
        progress = {stream: self._bookmarks[stream].progress(obj) for stream in needing}
        lsn = max((p["lsn"] for p in progress.values() if p), default=self._lsn)
        after = {stream: p.get("line", 0) for stream, p in progress.items()}
        counted = progress.get(self._tap.files_stream, {})
        reading = Reading(
            plan=plan,
            settings=self._settings,
            obj=obj,
            bucket=self._store.bucket,
            lsn=lsn,
            after=after,
            tallies=self._tallies,
            counts=self._counts,
            pause_documents=1 if self._limit else PAUSE_DOCUMENTS,
        )
        reading.rows = counted.get("rows", 0)
        reading.rejected = counted.get("rejected", 0)

        def pause() -> None:
            if self._limit and all(s.emitted >= self._limit for s in plan.streams if s in after):
                raise StopRun(f"{self._limit} records of each stream")
            if self._is_due():
                for stream in needing:
                    if reading.line > after[stream]:
                        self._bookmarks[stream].reach(
                            obj, reading.line, lsn, rows=reading.rows, rejected=reading.rejected
                        )
                self._safe_point(f"{obj.key}: line {reading.line}")

        try:
            if fetched.unavailable:
                raise fetched.unavailable
            reading.read(fetched.chunks, counted.get("line", 0), pause)
        except UnavailableError as error:
            what = "removed" if isinstance(error, VanishedError) else "changed"
            self._tap.logger.warning(
                "%s: %s after it was listed; the next run looks again", obj.key, what
            )
            return
        self._counts.files += 1
        self._counts.bytes += obj.size
        if self._tap.files_stream in needing or self._version is not None:
            self._send_file(obj, lsn, reading)
        for stream in needing:
            self._bookmarks[stream].finish(obj, lsn)

    def _send_file(self, obj: FileObject, lsn: int, reading: Reading | None) -> None:
        """Write a file's own record; without a reading only what the listing says."""
        record: dict[str, Any] = {
            "bucket": self._store.bucket,
            "key": obj.key,
            "seen_etag": obj.etag,
            "size": obj.size,
            "last_modified": obj.last_modified.isoformat(),
            "seen_at": self._seen_at.isoformat(),
            "deleted_at": None,
            "_sdc_deleted_at": None,
            "_sdc_lsn": lsn,
        }
        if reading:
            record |= {"rows": reading.rows, "rejected": reading.rejected}
            if reading.rows or not reading.rejected:
                record["etag"] = obj.etag
        self._sent.add(obj.key)
        self._tap.files_stream.emit(record, end_of_record(self._seen_at, self._version))

    def _forget_vanished(self, work: Work) -> None:
        """Note files that were there and are not listed any more."""
        gone: set[str] = set()
        for stream, bookmark in self._bookmarks.items():
            is_files = stream is self._tap.files_stream
            if not is_files and stream not in work.plan.all():
                continue
            vanished = [
                key
                for key in bookmark.files
                if key not in work.listed and work.plan.source.matches(key)
            ]
            bookmark.forget(vanished)
            # With too many files `_files` remembers none; the others do, as far back as they look.
            if is_files or self._version is not None:
                gone.update(vanished)
        if self._files_bookmark and gone:
            for key in sorted(gone):
                self._send_vanished(key)
            self._files_bookmark.lsn = self._lsn

    def _send_vanished(self, key: str) -> None:
        """Write the end of a file; without its etag, so that no old version comes back with it."""
        moment = self._seen_at.isoformat()
        record = {
            "bucket": self._store.bucket,
            "key": key,
            "etag": None,
            "deleted_at": moment,
            "_sdc_deleted_at": moment,
            "_sdc_lsn": self._lsn,
        }
        self._tap.files_stream.emit(record, end_of_record(self._seen_at, self._version))

    def _send_listing(self, works: list[Work]) -> None:
        """Complete the new version of `_files` and make it the valid one."""
        for work in works:
            for obj in work.objects:
                if obj.key not in self._sent:
                    self._send_file(obj, self._lsn, None)
        stream = self._tap.files_stream
        self._bookmarks[stream].lsn = self._lsn
        self._tap.write_message(ActivateVersionMessage(stream.name, self._version or 0))

    def _remember_listing(self, works: list[Work], known: Bookmark) -> None:
        """Know each file by name again, now that there are few enough."""
        known.is_whole = False
        for work in works:
            others = [s for s in work.plan.all() if s in self._bookmarks]
            for obj in work.objects:
                if not any(self._bookmarks[stream].needs(obj) for stream in others):
                    known.finish(obj, self._lsn)

    @property
    def _files_bookmark(self) -> Bookmark | None:
        return self._bookmarks.get(self._tap.files_stream)

    def _is_due(self) -> bool:
        return time.monotonic() - self._stated >= STATE_SECONDS or self._why_stop() is not None

    def _safe_point(self, progress: str) -> None:
        """Write state when its time has come, and end the run if somebody asked."""
        if not self._is_due():
            return
        self._tap.logger.info("progress: %s", progress)
        self._write_state()
        self._proceed()

    def _why_stop(self) -> str | None:
        if self._tap.shutdown.signal:
            return self._tap.shutdown.signal.name
        limit = self._settings.max_run_seconds
        if limit and time.monotonic() - self._started >= limit:
            return f"max_run_seconds {limit}"
        return None

    def _proceed(self) -> None:
        if why := self._why_stop():
            raise StopRun(why)

    def _write_state(self) -> None:
        bookmarks = self._tap.state.setdefault("bookmarks", {})
        for stream, bookmark in self._bookmarks.items():
            if stream is not self._tap.files_stream:
                bookmark.prune(
                    self._settings.max_state_keys, self._settings.lookback, self._dates.get
                )
            bookmarks[stream.name] = {**bookmark.value(), **stream.remembered()}
        self._tap.write_message(StateMessage(value=self._tap.state))
        self._stated = time.monotonic()

    def _measure(self) -> None:
        for stream in self._bookmarks:
            metrics.count(Metric.RECORD_COUNT, stream.emitted, stream=stream.name)
        for name, tally in self._tallies.items():
            metrics.count(Measure.RECORDS_REJECTED, tally.rejected, stream=name)
        for name, number in self._counts.unknown_fields.items():
            metrics.count(Measure.UNKNOWN_FIELDS, number, stream=name)
        metrics.count(Measure.FILES_READ, self._counts.files)
        metrics.count(Measure.BYTES_READ, self._counts.bytes)
        elapsed = round(time.monotonic() - self._started, 3)
        metrics.seconds(Metric.SYNC_DURATION, elapsed)
