"""What the stream `_files` says: which version of each file is current, and which are gone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tap_files.reading import end_of_record

if TYPE_CHECKING:
    from tap_files.client import FileObject
    from tap_files.reading import Reading
    from tap_files.streams import FilesStream


class FilesLog:
    """Writes the records of `_files` for one run."""

    def __init__(self, stream: FilesStream, bucket: str) -> None:
        self._stream = stream
        self._bucket = bucket
        self._lsn = 0
        self._seen_at = datetime.now(UTC)

    def begin(self, lsn: int, seen_at: datetime) -> None:
        """Take the version and the time of a new listing."""
        self._lsn = lsn
        self._seen_at = seen_at

    def file(
        self, obj: FileObject, lsn: int, reading: Reading | None, version: int | None = None
    ) -> None:
        """Write a file's own record; without a reading only what the listing says."""
        record: dict[str, Any] = {
            "bucket": self._bucket,
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
        self._stream.emit(record, end_of_record(self._seen_at, version))

    def vanished(self, key: str) -> None:
        """Write the end of a file; without its etag, so that no old version comes back with it."""
        moment = self._seen_at.isoformat()
        record = {
            "bucket": self._bucket,
            "key": key,
            "etag": None,
            "deleted_at": moment,
            "_sdc_deleted_at": moment,
            "_sdc_lsn": self._lsn,
        }
        self._stream.emit(record, end_of_record(self._seen_at))
