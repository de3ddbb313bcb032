"""Every source listed once: what there is to read, oldest first, and what each stream makes of it.

The listing goes by page by page. Kept of it are the oldest files that are to be read, a sketch for
each source and, for each stream, no more names than its bookmark has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tap_files.opening import is_read
from tap_files.survey import Listed, Survey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from tap_files.client import FileObject, Store
    from tap_files.manifest import Manifest
    from tap_files.plan import Plan
    from tap_files.settings import Settings
    from tap_files.state import Bookmark
    from tap_files.streams import FileStream
    from tap_files.survey import Findings

MAX_PENDING = 100_000
"""So many files are read between two listings."""


class Pending(NamedTuple):
    """A file to be read; sorts by the file."""

    obj: FileObject
    source: int
    """Index of its plan."""


class Overview(NamedTuple):
    """What a listing of all sources has shown."""

    pending: list[Pending]
    """Oldest first."""
    is_whole: bool
    """Whether these are all that is to be read."""
    findings: dict[FileStream, Findings]
    clock: datetime
    """The store's time before the first answer."""
    empty: list[Plan]
    """Those without any file."""


class _Source:
    """One source while it is listed."""

    def __init__(
        self, index: int, plan: Plan, surveys: list[Survey], before: list[_Source]
    ) -> None:
        self.index = index
        self.plan = plan
        self.surveys = surveys
        self.is_empty = True
        mine = plan.source.prefix
        self._overlapping = [
            source
            for source in before
            if mine.startswith(theirs := source.plan.source.prefix) or theirs.startswith(mine)
        ]
        sketches = (survey.bookmark.sketch for survey in surveys)
        self.listed = Listed({sketch.size for sketch in sketches if sketch})

    def takes(self, key: str) -> bool:
        return self.plan.source.matches(key) and is_read(key, self.plan.source)

    def is_first(self, key: str) -> bool:
        """Return whether no source before this has the file too: `_files` has it once."""
        return not any(source.takes(key) for source in self._overlapping)


def take_stock(
    store: Store,
    plans: list[Plan],
    bookmarks: Mapping[FileStream, Bookmark],
    files_stream: FileStream,
    settings: Settings,
) -> Overview | None:
    """List every source that a selected stream needs, before any is read.

    Of what is needed, files that a manifest does not name in their listed version are left for
    another run. Returns None where there is no source.

    Raises:
        SourceUnreachableError: the store cannot be reached or refuses.
        ConfigError: the manifest cannot be read.
    """
    manifest = settings.versions
    surveys = {
        stream: Survey(bookmark, settings.max_state_keys) for stream, bookmark in bookmarks.items()
    }
    of_files = surveys.get(files_stream)
    sources: list[_Source] = []
    for index, plan in enumerate(plans):
        own = [surveys[stream] for stream in plan.all() if stream in surveys]
        if own or of_files:
            everyone = [*own, of_files] if of_files else own
            sources.append(_Source(index, plan, everyone, sources))
    if not sources:
        return None
    pending: list[Pending] = []
    is_whole = True
    left: set[str] = set()
    clocks = []
    for prefix in dict.fromkeys(source.plan.source.prefix for source in sources):
        listing = store.list_objects(prefix)
        clocks.append(listing.clock)
        members = [source for source in sources if source.plan.source.prefix == prefix]
        for found in _needed(listing.objects, members, of_files, settings.start_date):
            if not _is_named(found.obj, manifest):
                left.add(found.obj.key)
                continue
            pending.append(found)
            if len(pending) >= 2 * MAX_PENDING:
                pending.sort()
                del pending[MAX_PENDING:]
                is_whole = False
    keys = {found.obj.key for found in pending} | left
    findings = {}
    for stream, survey in surveys.items():
        everywhere = [source.listed for source in sources if survey in source.surveys]
        findings[stream] = survey.settle(everywhere, keys)
    late = {key for found in findings.values() for key in found.late} - keys
    late_ones = _looked_up(store, late, sources, settings.start_date)
    pending += [found for found in late_ones if _is_named(found.obj, manifest)]
    empty = [source.plan for source in sources if source.is_empty]
    return Overview(sorted(pending), is_whole, findings, min(clocks), empty)


def every_file(store: Store, plans: list[Plan], settings: Settings) -> Iterator[FileObject]:
    """List all sources once more; yield every file that is to be read or was."""
    start = settings.start_date
    sources: list[_Source] = []
    for index, plan in enumerate(plans):
        sources.append(_Source(index, plan, [], sources))
    for source in sources:
        for obj in store.list_objects(source.plan.source.prefix).objects:
            is_old = start is not None and obj.last_modified < start
            if not is_old and source.takes(obj.key) and source.is_first(obj.key):
                yield obj


def _is_named(obj: FileObject, manifest: Manifest | None) -> bool:
    return manifest is None or manifest.get(obj.key) == obj.etag


def _needed(
    objects: Iterable[FileObject],
    sources: list[_Source],
    of_files: Survey | None,
    start: datetime | None,
) -> Iterator[Pending]:
    """Let each survey see each object; yield those that one of them needs."""
    for obj in objects:
        key = obj.key
        for source in sources:
            if not source.takes(key):
                continue
            source.is_empty = False
            version = source.listed.add(obj)
            surveys = source.surveys
            if of_files and not source.is_first(key):
                surveys = surveys[:-1]
                of_files.ignore(version)
            if start and obj.last_modified < start:
                for survey in surveys:
                    survey.skip(obj, version)
                continue
            is_needed = False
            for survey in surveys:
                is_needed |= survey.see(obj, version)
            if is_needed:
                yield Pending(obj, source.index)


def _looked_up(
    store: Store, keys: Iterable[str], sources: list[_Source], start: datetime | None
) -> Iterator[Pending]:
    """Find files by name that a comparison has shown."""
    for key in sorted(keys):
        for obj in store.list_objects(key).objects:
            if obj.key == key and (start is None or obj.last_modified >= start):
                yield from (Pending(obj, s.index) for s in sources if s.takes(key))
