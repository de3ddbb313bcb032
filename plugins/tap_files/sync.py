"""One run: list, fetch ahead, parse once, check once, write for every stream that needs it.

State speaks of a file when its records have been written, and is written at safe points: behind a
file, and inside a large one behind a document. Whatever ends a run, its last message is a STATE
that covers nothing but what was written before it.
"""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from singer_sdk.metrics import Metric
from singer_sdk.singerlib import ActivateVersionMessage, StateMessage

from singer_kit import metrics
from singer_kit.contract import Tally
from singer_kit.errors import SourceUnreachableError
from singer_kit.metrics import Measure
from tap_files.client import UnavailableError, VanishedError
from tap_files.deletes import Deletes
from tap_files.files_log import FilesLog
from tap_files.listing import every_file, take_stock
from tap_files.opening import documents, has_json_lines
from tap_files.portions import BLOCK_BYTES, Portion, read_blocks, work_of
from tap_files.prefetch import Fetched, fetch
from tap_files.reading import Counts, Reading
from tap_files.state import Bookmark
from tap_files.streams import RecordStream
from tap_files.workers import Workers, worker_count

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_files.client import FileObject, Store
    from tap_files.deletes import Keys
    from tap_files.listing import Overview, Pending
    from tap_files.plan import Plan
    from tap_files.reading import Written
    from tap_files.settings import Settings
    from tap_files.streams import FileStream
    from tap_files.survey import Findings
    from tap_files.tap import TapFiles

STATE_SECONDS = 5.0
MIN_PARALLEL_BYTES = 1024 * 1024
"""From so much to read on, workers are worth their start."""
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
        self._workers: Workers[Portion, Written | None] = Workers(0, lambda _: None)
        self._bookmarks: dict[FileStream, Bookmark] = {}
        self._lsn = 0

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
        self._files_log = FilesLog(self._tap.files_stream, self._store.bucket)
        try:
            self._read_all()
        except StopRun as stop:
            self._tap.logger.warning("%s: stopped at a safe point; run again to go on", stop)
        finally:
            self._workers.close()
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
        clock = int(overview.clock.timestamp()) * 1_000_000 + overview.clock.microsecond
        # Between two versions there is room for the deletes of the later.
        step = 2 if self._settings.detects_deletes else 1
        self._lsn = max([clock, *(bookmark.lsn + step for bookmark in self._bookmarks.values())])
        self._deletes.begin(self._lsn, overview.clock)
        self._files_log.begin(self._lsn, overview.clock)
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
        workers = self._start_workers(pending)
        with (
            closing(fetch(self._store, (p.obj for p in pending), self._proceed)) as files,
            closing(
                workers.map(
                    ((found, fetched), self._task(found, fetched))
                    for found, fetched in zip(pending, files, strict=True)
                )
            ) as turns,
        ):
            for done, ((found, fetched), written) in enumerate(turns, 1):
                plan = plans[found.source]
                self._read_file(found.source, fetched, written)
                self._safe_point(f"{done} of {len(pending)} files")
                self._tallies[plan.first.name].check()
        newest = {plans[found.source].first.name: found.obj.last_modified for found in pending}
        for name, modified in newest.items():
            lag = (datetime.now(UTC) - modified).total_seconds()
            metrics.gauge(Measure.LAG_SECONDS, round(lag, 3), stream=name)

    def _start_workers(self, pending: list[Pending]) -> Workers[Portion, Written | None]:
        """Return the run's workers, started when there is enough to read for the first time."""
        if not self._workers.processes and sum(p.obj.size for p in pending) >= MIN_PARALLEL_BYTES:
            is_alone = self._limit or self._settings.detects_deletes
            count = 0 if is_alone else worker_count()
            self._workers = Workers(count, work_of(self._tap, self._store.bucket))
        return self._workers

    def _task(self, found: Pending, fetched: Fetched) -> Portion | None:
        """Return a small file as a worker's task, or None where it is to be read here."""
        plan = self._tap.plans[found.source]
        if not fetched.is_whole or not self._is_shared(plan) or self._has_blocks(plan, found.obj):
            return None
        return self._portion(found.source, found.obj, b"".join(fetched.chunks))

    def _is_shared(self, plan: Plan) -> bool:
        """Return whether workers read files of this plan; no document may depend on another."""
        return bool(self._workers.processes) and all(s.strategy != "infer" for s in plan.streams)

    def _has_blocks(self, plan: Plan, obj: FileObject) -> bool:
        """Return whether workers are given blocks of this file, not the whole of it."""
        return obj.size > BLOCK_BYTES and has_json_lines(obj.key, plan.source)

    def _portion(self, source: int, obj: FileObject, data: bytes = b"") -> Portion:
        needing = self._needing(self._tap.plans[source], obj)
        progress = {stream.name: self._bookmarks[stream].progress(obj) for stream in needing}
        return Portion(
            source=source,
            obj=obj,
            lsn=max((p["lsn"] for p in progress.values() if p), default=self._lsn),
            after={name: p.get("line", 0) for name, p in progress.items()},
            counted=progress.get(self._tap.files_stream.name, {}).get("line", 0),
            data=data,
        )

    def _needing(self, plan: Plan, obj: FileObject) -> list[FileStream]:
        """Return the streams that have not all of this version."""
        streams = [stream for stream in plan.all() if stream in self._bookmarks]
        if self._files_bookmark:
            streams.append(self._tap.files_stream)
        return [stream for stream in streams if self._bookmarks[stream].needs(obj)]

    def _read_file(self, source: int, fetched: Fetched, written: Written | None) -> None:
        """Read a file whose turn it is; ``written`` is what a worker has made of it, if one has."""
        obj, plan = fetched.obj, self._tap.plans[source]
        needing = self._needing(plan, obj)
        whole = self._portion(source, obj)
        lsn, after = whole.lsn, {stream: whole.after[stream.name] for stream in needing}
        keys = self._deletes.collect(plan, needing)
        reading = self._begin(whole, after, keys)

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
            self._fill(reading, whole, fetched, written, pause)
        except UnavailableError as error:
            what = "removed" if isinstance(error, VanishedError) else "changed"
            self._tap.logger.warning(
                "%s: %s after it was listed; the next run looks again", obj.key, what
            )
            return
        self._deletes.compare(plan, obj, keys, reading, lsn)
        if self._tap.files_stream in needing:
            self._files_log.file(obj, lsn, reading)
        for stream in needing:
            self._bookmarks[stream].finish(obj, lsn)
        self._counts.files += 1
        self._counts.bytes += obj.size

    def _begin(self, whole: Portion, after: dict[FileStream, int], keys: Keys | None) -> Reading:
        reading = Reading(
            plan=self._tap.plans[whole.source],
            settings=self._settings,
            obj=whole.obj,
            bucket=self._store.bucket,
            lsn=whole.lsn,
            after=after,
            tallies=self._tallies,
            counts=self._counts,
            pause_documents=1 if self._limit else PAUSE_DOCUMENTS,
            found=keys.add if keys else None,
        )
        if self._files_bookmark:
            counted = self._files_bookmark.progress(whole.obj)
            reading.rows = counted.get("rows", 0)
            reading.rejected = counted.get("rejected", 0)
        return reading

    def _fill(
        self,
        reading: Reading,
        whole: Portion,
        fetched: Fetched,
        written: Written | None,
        pause: Callable[[], None],
    ) -> None:
        """Read the file in the way that suits it; raises as :meth:`Reading.read` does."""
        plan = self._tap.plans[whole.source]
        if written:
            reading.take(written, self._tap.line_writer)
        elif self._is_shared(plan) and self._has_blocks(plan, fetched.obj):
            read_blocks(
                fetched.chunks,
                whole=whole,
                plan=plan,
                reading=reading,
                workers=self._workers,
                writer=self._tap.line_writer,
                pause=pause,
            )
        else:
            found = documents(fetched.chunks, fetched.obj.key, plan.source)
            reading.read(found, whole.counted, pause)

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
                    self._files_log.vanished(key)
                    bookmark.lsn = self._lsn
                elif isinstance(stream, RecordStream):
                    self._deletes.vanish(plan, stream, key)
                bookmark.forget([key])

    def _send_listing(self, bookmark: Bookmark) -> None:
        """Send every file there is as a new version of `_files`, and make it the valid one."""
        for number, obj in enumerate(every_file(self._store, self._tap.plans, self._settings)):
            self._files_log.file(obj, self._lsn, None, self._lsn)
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
