"""Parts of files made into records by other processes, as far as nothing is wrong with them.

A portion is a small file, or a block of lines of a large one. A worker gives back its finished
lines; where it finds any fault it gives back nothing, and the portion is read again where faults
can be counted, logged and put into quarantine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from singer_kit.contract import Tally
from tap_files.compression import opened
from tap_files.formats import BadFileError, read_jsonl
from tap_files.formats.encoding import utf8
from tap_files.formats.lines import blocks_of
from tap_files.opening import documents, documents_of
from tap_files.reading import Counts, Reading, Written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from singer_kit.writer import LineWriter
    from tap_files.client import FileObject
    from tap_files.formats import Document, Unreadable
    from tap_files.plan import Plan
    from tap_files.stream_settings import SourceSettings
    from tap_files.tap import TapFiles
    from tap_files.workers import Workers

BLOCK_BYTES = 512 * 1024
"""A block of lines has no more, but for its last line."""
_NEVER = 1 << 62


class Portion(NamedTuple):
    """What one worker is given at a time."""

    source: int
    """Index of its plan."""
    obj: FileObject
    lsn: int
    after: dict[str, int]
    """Line up to which each stream that is to be written has the file already."""
    counted: int
    """Line up to which rows are counted already."""
    data: bytes
    first_line: int | None = None
    """Of a block of JSON lines; None: these are the bytes of the whole file."""

    def documents(self, source: SourceSettings) -> Iterator[Document | Unreadable]:
        """Read it; raises as :func:`~tap_files.opening.documents` does."""
        if self.first_line is None:
            return documents((self.data,), self.obj.key, source)
        return read_jsonl((self.data,), first_line=self.first_line)


class _FaultError(Exception):
    """The portion is not without fault."""


class _Faultless(Reading):
    """A reading that ends where anything is to be said."""

    def _refuse(self, *_: Any) -> NoReturn:
        raise _FaultError

    def _warn(self, *_: Any) -> NoReturn:
        raise _FaultError


def work_of(tap: TapFiles, bucket: str) -> Callable[[Portion], Written | None]:
    """Return what a worker does with a portion."""
    settings, plans, writer = tap.file_settings, tap.plans, tap.line_writer
    streams = {stream.name: stream for stream in tap.file_streams()}
    is_first = True

    def work(portion: Portion) -> Written | None:
        nonlocal is_first
        if is_first:  # what the asking process had still to write is its own
            writer.hold()
            is_first = False
        for stream in streams.values():
            stream.emitted = 0
        plan = plans[portion.source]
        tallies = {root.name: Tally(root.name, 1) for root in [*plan.roots, plan.first]}
        counts = Counts()
        reading = _Faultless(
            plan=plan,
            settings=settings,
            obj=portion.obj,
            bucket=bucket,
            lsn=portion.lsn,
            after={streams[name]: line for name, line in portion.after.items()},
            tallies=tallies,
            counts=counts,
            pause_documents=_NEVER,
        )
        try:
            reading.read(portion.documents(plan.source), portion.counted, lambda: None)
        except _FaultError:
            writer.take()
            return None
        return Written(
            writer.take(),
            reading.rows,
            reading.line,
            {name: stream.emitted for name, stream in streams.items() if stream.emitted},
            {name: tally.accepted for name, tally in tallies.items() if tally.accepted},
            counts.unknown_fields,
        )

    return work


def read_blocks(
    chunks: Iterable[bytes],
    *,
    whole: Portion,
    plan: Plan,
    reading: Reading,
    workers: Workers[Portion, Written | None],
    writer: LineWriter,
    pause: Callable[[], None],
) -> None:
    """Read a file of JSON lines block by block; raises as :meth:`Reading.read` does.

    ``whole`` is the file without its bytes.
    """
    try:
        content = opened(chunks, whole.obj.key, plan.source.compression)
    except BadFileError as error:
        reading.refuse_file(error)
        return
    if content.members is not None:
        found = documents_of(content, whole.obj.key, plan.source)
        reading.read(found, whole.counted, pause)
        return
    lines = utf8(content.chunks, plan.source.dialect.encoding)
    for item, written in workers.map(_blocks(whole, lines)):
        if isinstance(item, BadFileError):
            reading.refuse_file(item)
        elif written:
            reading.take(written, writer)
        else:
            reading.read(item.documents(plan.source), whole.counted, lambda: None)
        pause()


def _blocks(
    whole: Portion, lines: Iterable[bytes]
) -> Iterator[tuple[Portion | BadFileError, Portion | None]]:
    """Yield each block that is still to be read, as its own task.

    What is wrong with the file as a whole comes last, in its turn.
    """
    floor = min([whole.counted, *whole.after.values()])
    try:
        for first, count, data in blocks_of(_pieces(lines)):
            if first + count > floor + 1:
                portion = whole._replace(data=data, first_line=first)
                yield portion, portion
    except BadFileError as error:
        yield error, None


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for begin in range(0, len(chunk), BLOCK_BYTES):
            yield chunk[begin : begin + BLOCK_BYTES]
