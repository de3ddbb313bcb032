"""The reading of one file: its documents become records and faults of its streams."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from singer_kit.contract import ContractMode, Fault, kind
from singer_kit.errors import ContractExceededError
from singer_kit.writer import encoder
from tap_files.formats import BadFileError, Unreadable
from tap_files.opening import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from singer_kit.contract import Tally
    from tap_files.client import FileObject
    from tap_files.formats import Document
    from tap_files.plan import Plan
    from tap_files.settings import Settings
    from tap_files.streams import FileStream, RecordStream

MAX_PAYLOAD_CHARACTERS = 64 * 1024
"""So much of what could not be parsed goes into quarantine."""
MAX_WARNINGS = 20
_SAYS_WHERE = ("line ", "row ", "member ")

logger = logging.getLogger("tap-files")


@dataclass
class Counts:
    """What a run has seen, over all files."""

    files: int = 0
    bytes: int = 0
    unknown_fields: dict[str, int] = field(default_factory=dict)
    """By stream."""
    warned: int = 0


class Reading:
    """One file being read."""

    def __init__(
        self,
        *,
        plan: Plan,
        settings: Settings,
        obj: FileObject,
        bucket: str,
        lsn: int,
        after: dict[FileStream, int],
        tallies: dict[str, Tally],
        counts: Counts,
        pause_documents: int,
        found: Callable[[RecordStream, dict[str, Any], int], None] | None = None,
    ) -> None:
        """Prepare to read.

        Args:
            plan: streams of the file's source.
            settings: the tap's.
            obj: the file.
            bucket: its bucket.
            lsn: this version's ``_sdc_lsn``.
            after: the streams to write for, and the line up to which each has the file already.
            tallies: accepted and rejected documents by stream.
            counts: of the run.
            pause_documents: how often to pause.
            found: called with each record and its line, also with those that need no writing.
        """
        self.rows = 0
        self.rejected = 0
        self.line = 0
        self._plan = plan
        self._settings = settings
        self._obj = obj
        self._bucket = bucket
        self._after = after
        self._tallies = tallies
        self._counts = counts
        self._pause_documents = pause_documents
        self._found = found
        self._lineage = {
            "_sdc_source_bucket": bucket,
            "_sdc_source_file": obj.key,
            "_sdc_source_etag": obj.etag,
            "_sdc_source_last_modified": obj.last_modified.isoformat(),
            "_sdc_lsn": lsn,
        }
        lives = {"_sdc_deleted_at": None} if settings.detects_deletes else {}
        shared = encoder.encode({**self._lineage, **lives})[1:-1]
        self._shared = b"," + shared + b',"_sdc_source_lineno":'
        self._end = end_of_record(datetime.now(UTC))
        self._plain_end = b',"_sdc_extra":null' + self._end

    def read(self, chunks: Iterable[bytes], counted: int, pause: Callable[[], None]) -> None:
        """Read the file from its beginning and write what is new to each stream.

        Args:
            chunks: the file.
            counted: line up to which ``rows`` and ``rejected`` are already counted.
            pause: called now and then, always behind a document.

        Raises:
            ContractExceededError: the settings say that a fault ends the run.
            UnavailableError: the version that was listed is gone.
        """
        floor = 0 if self._found else min([counted, *self._after.values()])
        try:
            for number, document in enumerate(
                documents(chunks, self._obj.key, self._plan.source), 1
            ):
                if document.lineno <= floor:
                    continue
                accepted, refused = (
                    self._refuse_part(document)
                    if isinstance(document, Unreadable)
                    else self._accept(document)
                )
                if document.lineno > counted:
                    self.rows += accepted
                    self.rejected += refused
                self.line = document.lineno
                if number % self._pause_documents == 0:
                    pause()
        except BadFileError as error:
            fault = Fault("$", error.code, str(error))
            self._refuse(self._plan.first, error.lineno, [fault], None, self._settings.on_bad_file)
            self.rejected += 1

    def _accept(self, document: Document) -> tuple[bool, bool]:
        """Write a document's records; return whether a stream took it, and whether one refused."""
        value = document.value
        shared = self._shared + b"%d" % document.lineno
        accepted = refused = False
        base = value if not self._plan.roots and isinstance(value, dict) else None
        for root in self._plan.roots:
            record, extra, faults = self._record(root, document)
            if record is None:
                self._refuse(root, document.lineno, faults, value, self._mode(root))
                refused = True
                continue
            accepted = True
            self._tallies[root.name].accepted += 1
            # What nothing was changed in is written as it stood in the file.
            text = document.text if record is value else None
            self._emit(root, document.lineno, record, shared, extra=extra, text=text)
            if root is self._plan.first:
                base = record if root.checks else value
        if base is not None:
            for stream in self._plan.exploded:
                refused |= not self._explode(stream, base, document.lineno, shared)
            accepted |= not self._plan.roots
        elif not self._plan.roots:
            self._refuse(
                self._plan.first,
                document.lineno,
                _no_object(value),
                value,
                self._settings.bad_line,
            )
            refused = True
        return accepted, refused

    def _record(
        self, root: RecordStream, document: Document
    ) -> tuple[dict[str, Any] | None, dict[str, Any] | None, list[Fault]]:
        """Return the record and the fields it leaves out, or the document's faults."""
        value = document.value
        if (document.is_untyped or root.reads_text) and isinstance(value, dict):
            value, faults = root.typed(value, is_untyped=document.is_untyped)
            if faults and not root.checks:
                return None, None, faults
        if root.checks:
            result = root.checks.read(value)
            if isinstance(result, dict):
                return result, root.checks.unknown_fields(value) or None, []
            if self._settings.contract_mode != ContractMode.WARN or not isinstance(value, dict):
                return None, None, result
            self._warn(document.lineno, result)
        if not isinstance(value, dict):
            return None, None, _no_object(value)
        if root.keys and (absent := root.absent_keys(value)):
            return None, None, absent
        return *root.shape(value, document.text), []

    def _explode(
        self, stream: RecordStream, base: dict[str, Any], lineno: int, shared: bytes
    ) -> bool:
        """Write a record for each element; return whether all had what the key needs."""
        if stream.contract and self._plan.first.checks:
            # The elements have passed as parts of the document.
            if self._found:
                for element in stream.elements(base):
                    self._found(stream, element, lineno)
            if self._after.get(stream, lineno) < lineno:
                tail = shared + self._plain_end
                for element in stream.elements(base):
                    stream.emit(element, tail)
            return True
        whole = True
        for index, element in enumerate(stream.elements(base)):
            if absent := stream.absent_keys(element, f"$.{stream.settings.explode}[{index}]"):
                self._refuse(self._plan.first, lineno, absent, element, self._settings.bad_line)
                whole = False
                continue
            record, extra = stream.shape(element)
            self._emit(stream, lineno, record, shared, extra=extra)
        return whole

    def _emit(
        self,
        stream: RecordStream,
        lineno: int,
        record: dict[str, Any],
        shared: bytes,
        *,
        extra: dict[str, Any] | None,
        text: bytes | None = None,
    ) -> None:
        if self._found:
            self._found(stream, record, lineno)
        if self._after.get(stream, lineno) >= lineno:
            return
        if extra is None:
            whole = msgspec.Raw(text) if text and record else record
            stream.emit(whole, shared + self._plain_end)
            return
        unknown = self._counts.unknown_fields
        unknown[stream.name] = unknown.get(stream.name, 0) + len(extra)
        stream.emit(record, shared + b',"_sdc_extra":' + encoder.encode(extra) + self._end)

    def _mode(self, root: RecordStream) -> str:
        return self._settings.contract_mode if root.checks else self._settings.bad_line

    def _refuse_part(self, part: Unreadable) -> tuple[bool, bool]:
        self._refuse(
            self._plan.first,
            part.lineno,
            [Fault("$", part.code, part.message)],
            part.text,
            self._settings.bad_line,
        )
        return False, True

    def _refuse(
        self, root: RecordStream, lineno: int, faults: list[Fault], payload: Any, mode: str
    ) -> None:
        """Put faults into quarantine, or do what the settings say instead."""
        self._warn(lineno, faults)
        if mode == "fail":
            fault = faults[0]
            raise ContractExceededError(
                f"{self._obj.key} line {lineno}: {fault.path} {fault.message} [{fault.code}]; "
                "repair the file, or let quarantine take it (on_bad_file, on_bad_line, "
                "contract_mode)"
            )
        tally = self._tallies[root.name]
        tally.rejected += 1
        stream = self._plan.rejected.get(root.name)
        # A fault of the whole file may show on a line that other faults have passed.
        if mode == "quarantine" and stream in self._after and self._after[stream] < lineno:
            for fault in faults:
                stream.emit(
                    {
                        "_sdc_rejected_at": datetime.now(UTC).isoformat(),
                        "source_key": f"{self._bucket}/{self._obj.key}#{lineno}",
                        "error_path": fault.path,
                        "error_code": fault.code,
                        "error_message": fault.message,
                        "payload": _as_object(payload),
                        "_sdc_source_lineno": lineno,
                    },
                    b"," + encoder.encode(self._lineage)[1:-1] + self._end,
                )
        tally.check()

    def _warn(self, lineno: int, faults: list[Fault]) -> None:
        """Log the first faults of a run; none quotes a value."""
        for fault in faults:
            self._counts.warned += 1
            if self._counts.warned <= MAX_WARNINGS:
                # A format's own message says where; a contract knows only the document.
                where = (
                    "" if fault.message.startswith(_SAYS_WHERE) else f"line {lineno}: {fault.path} "
                )
                logger.warning("%s %s%s [%s]", self._obj.key, where, fault.message, fault.code)
            if self._counts.warned == MAX_WARNINGS:
                logger.warning("further faults are not logged one by one")


def end_of_record(extracted: datetime, version: int | None = None) -> bytes:
    """Return what closes a record and its message."""
    said: dict[str, Any] = {"time_extracted": extracted.isoformat()}
    if version is not None:
        said["version"] = version
    return b"}," + encoder.encode(said)[1:] + b"\n"


def _no_object(value: Any) -> list[Fault]:
    return [
        Fault("$", "object_expected", f"found {kind(value)}; must be an object with named fields")
    ]


def _as_object(payload: Any) -> dict[str, Any] | None:
    """Return a payload as a JSON object: what is none comes as ``{"raw": …}``."""
    if payload is None or isinstance(payload, dict):
        return payload
    text = payload if isinstance(payload, str) else encoder.encode(payload).decode()
    return {"raw": text[:MAX_PAYLOAD_CHARACTERS]}
