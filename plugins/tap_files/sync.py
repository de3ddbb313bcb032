"""One run: list, fetch ahead, parse once, check once, write for every stream that needs it.

State speaks of a file when its records have been written, and is written at safe points: behind a
file, and inside a large one behind a document. Whatever ends a run, its last message is a STATE
that covers nothing but what was written before it.
"""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from singer_sdk.metrics import Metric
from singer_sdk.singerlib import ActivateVersionMessage, StateMessage

from singer_kit import metrics
from singer_kit.contract import Tally
from singer_kit.errors import SourceUnreachableError
from singer_kit.metrics import Measure
from tap_files.client import UnavailableError, VanishedError
from tap_files.deletes import Deletes
from tap_files.listing import every_file, take_stock
from tap_files.prefetch import Fetched, fetch
from tap_files.reading import Counts, Reading, end_of_record
from tap_files.state import Bookmark
from tap_files.streams import RecordStream

if TYPE_CHECKING:
    from tap_files.client import FileObject, Store
    from tap_files.listing import Overview, Pending
    from tap_files.plan import Plan
    from tap_files.settings import Settings
    from tap_files.streams import FileStream
    from tap_files.survey import Findings
    from tap_files.tap import TapFiles

STATE_SECONDS = 5.0
PAUSE_DOCUMENTS = 256
"""Inside a file the clock and the wish to stop are looked at so often."""


class StopRun(Exception):  # noqa: N818 - no error: somebody or a limit asked for the end
    """The run ends at this safe point."""


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
        self._lsn = 0
        self._seen_at = datetime.now(UTC)

    def run(self) -> None:
        """Read what is new.

        Raises:
            SourceUnreachableError: the store cannot be reached, or went away for good.
            ContractExceededError: the settings say that so many faults end the run.
        """
        found = self._tap.state.get("bookmarks", {})
        self._bookmarks = {
            stream: Bookmark(found.get(stream.name), self._store.bucket, self._settings.start_date)
            for stream in self._tap.file_streams()
            if stream.selected
        }
        for stream in self._bookmarks:
            stream.prepare()
        self._deletes = Deletes(self._settings, self._store, self._bookmarks)
        try:
            self._read_all()
        except StopRun as stop:
            self._tap.logger.warning("%s: stopped at a safe point; run again to go on", stop)
        finally:
            self._write_state()
            self._measure()

    def _read_all(self) -> None:
        for plan in self._tap.plans:
            for root in [*plan.roots, plan.first]:
                tally = Tally(root.name, self._settings.max_rejected_ratio)
                self._tallies.setdefault(root.name, tally)
        empty: list[Plan] = []
        while overview := self._list():
            empty = overview.empty
            self._read_pending(overview.pending)
            if self._limit:
                return
            if not overview.is_whole:
                continue
            self._tell_vanished(overview.findings)
            if not self._deletes.is_more_to_read:
                break
        if self._files_bookmark and self._files_bookmark.owes_listing:
            self._send_listing(self._files_bookmark)
        if empty and self._settings.fail_when_no_files_found:
            raise SourceUnreachableError(_nothing_found(empty, self._store.bucket))

    def _list(self) -> Overview | None:
        """List every source and begin a new version."""
        overview = take_stock(
            self._store, self._tap.plans, self._bookmarks, self._tap.files_stream, self._settings
        )
        if overview is None:
            return None
        self._seen_at = overview.clock
        clock = int(self._seen_at.timestamp()) * 1_000_000 + self._seen_at.microsecond
        # Between two versions there is room for the deletes of the later.
        step = 2 if self._settings.detects_deletes else 1
        self._lsn = max([clock, *(bookmark.lsn + step for bookmark in self._bookmarks.values())])
        self._deletes.begin(self._lsn, self._seen_at)
        for stream, findings in overview.findings.items():
            if findings.is_sure:
                continue
            self._tap.logger.warning(
                "stream %r: more files changed, vanished or came late than its state can tell "
                "apart; all dated behind the look-back window count as seen (raise max_state_keys)",
                stream.name,
            )
            if stream is self._tap.files_stream:
                self._bookmarks[stream].owes_listing = True
        return overview

    def _read_pending(self, pending: list[Pending]) -> None:
        plans = self._tap.plans
        if self._limit:
            pending = [
                found
                for index in range(len(plans))
                for found in [p for p in pending if p.source == index][: self._limit]
            ]
        with closing(fetch(self._store, (p.obj for p in pending), self._proceed)) as files:
            for done, (found, fetched) in enumerate(zip(pending, files, strict=True), 1):
                plan = plans[found.source]
                self._read_file(plan, fetched)
                self._safe_point(f"{done} of {len(pending)} files")
                self._tallies[plan.first.name].check()
        newest = {plans[found.source].first.name: found.obj.last_modified for found in pending}
        for name, modified in newest.items():
            lag = (datetime.now(UTC) - modified).total_seconds()
            metrics.gauge(Measure.LAG_SECONDS, round(lag, 3), stream=name)

    def _needing(self, plan: Plan, obj: FileObject) -> list[FileStream]:
        """Return the streams that have not all of this version."""
        streams = [stream for stream in plan.all() if stream in self._bookmarks]
        if self._files_bookmark:
            streams.append(self._tap.files_stream)
        return [stream for stream in streams if self._bookmarks[stream].needs(obj)]

    def _read_file(self, plan: Plan, fetched: Fetched) -> None:
        obj = fetched.obj
        needing = self._needing(plan, obj)
        progress = {stream: self._bookmarks[stream].progress(obj) for stream in needing}
        lsn = max((p["lsn"] for p in progress.values() if p), default=self._lsn)
        after = {stream: p.get("line", 0) for stream, p in progress.items()}
        counted = progress.get(self._tap.files_stream, {})
        keys = self._deletes.collect(plan, needing)
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
            found=keys.add if keys else None,
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
        self._deletes.compare(plan, obj, keys, reading, lsn)
        if self._tap.files_stream in needing:
            self._send_file(obj, lsn, reading)
        for stream in needing:
            self._bookmarks[stream].finish(obj, lsn)
        self._counts.files += 1
        self._counts.bytes += obj.size

    def _send_file(
        self, obj: FileObject, lsn: int, reading: Reading | None, version: int | None = None
    ) -> None:
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
        self._tap.files_stream.emit(record, end_of_record(self._seen_at, version))

    def _tell_vanished(self, findings: dict[FileStream, Findings]) -> None:
        """Say of files that were there and are not listed any more that they are gone."""
        for stream, found in findings.items():
            bookmark = self._bookmarks[stream]
            # A file of a source that is not in the settings any more is nobody's to look for.
            plans = [
                plan
                for plan in self._tap.plans
                if stream is self._tap.files_stream or stream in plan.all()
            ]
            for key in sorted(found.vanished):
                plan = next((plan for plan in plans if plan.source.matches(key)), None)
                if plan is None:
                    continue
                if stream is self._tap.files_stream:
                    self._send_vanished(key)
                    bookmark.lsn = self._lsn
                elif isinstance(stream, RecordStream):
                    self._deletes.vanish(plan, stream, key)
                bookmark.forget([key])

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
        self._tap.files_stream.emit(record, end_of_record(self._seen_at))

    def _send_listing(self, bookmark: Bookmark) -> None:
        """Send every file there is as a new version of `_files`, and make it the valid one."""
        for number, obj in enumerate(every_file(self._store, self._tap.plans, self._settings)):
            self._send_file(obj, self._lsn, None, self._lsn)
            if number % PAUSE_DOCUMENTS == 0:
                self._safe_point(f"listing: {number} files")
        bookmark.lsn = self._lsn
        bookmark.owes_listing = False
        stream = self._tap.files_stream
        self._tap.write_message(ActivateVersionMessage(stream.name, self._lsn))

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
            bookmark.prune(self._settings.max_state_keys, self._settings.lookback)
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


def _nothing_found(empty: list[Plan], bucket: str) -> str:
    """Return one line that names each source without files, and what to look at."""
    said = []
    for plan in empty:
        source = plan.source
        names = ", ".join(stream.name for stream in plan.streams)
        matching = f" matching {source.pattern!r}" if source.pattern else ""
        said.append(f"{names}: no file below {bucket}/{source.prefix}{matching}")
    return (
        f"{'; '.join(said)}; check prefix, pattern and format, or set fail_when_no_files_found to "
        "false"
    )
