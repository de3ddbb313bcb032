"""The files that a BATCH message names, as blocks of RECORD lines.

JSONL (plain or gzip) and Parquet, from local paths and from S3. Each record becomes the RECORD
message that a tap would have sent, by joining text, so that everything behind the reading is the
same for both. Files are left where they are, as the SDK leaves them.
"""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import msgspec

from target_postgres.errors import BatchFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = 256 * 1024
_MOST_ROWS = 10_000
_BLOCK_BYTES = 8 * 1024 * 1024
"""What rows of a Parquet file that are read at once may take, by the file's own account."""


class Batch(msgspec.Struct):
    """A BATCH message."""

    stream: str
    encoding: Encoding
    manifest: list[str]
    version: int | None = None


class Encoding(msgspec.Struct):
    """How the files of a BATCH are written."""

    format: str
    compression: str | None = None


def blocks(message: Batch, line: int, url: str) -> Iterator[bytes]:
    """Yield RECORD lines, joined by line breaks, of one file.

    Raises :class:`BatchFileError` for a file that cannot be read to its end; ``line`` is the
    line of the BATCH message.
    """
    encoding = message.encoding
    name = msgspec.json.encode(message.stream)
    before = b'{"type":"RECORD","stream":' + name + b',"record":'
    after = b"}" if message.version is None else b',"version":%d}' % message.version
    read = {"jsonl": _jsonl, "parquet": _parquet}.get(encoding.format)
    if read is None or encoding.compression not in (None, "none", "gzip"):
        how = f"{encoding.format} with compression {encoding.compression}"
        raise BatchFileError(line, url, f"written as {how}, which this target does not read")
    try:
        with _opened(url) as file:
            for block in read(file, encoding):
                yield before + block.replace(b"\n", after + b"\n" + before) + after
    except _unreadable() as error:
        raise BatchFileError(line, url, f"which cannot be read: {_one_line(error)}") from None


def _unreadable() -> tuple[type[Exception], ...]:
    """Return what goes wrong with a file; its libraries are only imported when one is named."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see above

    # pyarrow's errors are ValueError, OSError and NotImplementedError.
    files = (OSError, EOFError, zlib.error, ValueError, NotImplementedError)
    return (*files, BotoCoreError, ClientError)


@contextmanager
def _opened(url: str) -> Iterator[IO[bytes]]:
    """Open a local file, or a copy of one in S3, which is on disk only while it is open."""
    parts = urlsplit(url)
    if parts.scheme == "s3":
        with tempfile.TemporaryFile() as copy:
            _s3().download_fileobj(parts.netloc, parts.path.lstrip("/"), copy)
            copy.seek(0)
            yield copy
    elif parts.scheme in {"", "file"}:
        with open(unquote(parts.path) if parts.scheme else url, "rb") as file:  # noqa: PTH123 - as given
            yield file
    else:
        raise ValueError(f"{parts.scheme}: is not a place this target knows, only file: and s3:")


def _s3() -> Any:
    import boto3  # noqa: PLC0415 - see _unreadable

    # Beside AWS_ENDPOINT_URL_S3, which boto3 reads by itself.
    return boto3.client("s3", endpoint_url=os.environ.get("S3_ENDPOINT_URL") or None)


def _jsonl(file: IO[bytes], encoding: Encoding) -> Iterator[bytes]:
    with gzip.open(file) if encoding.compression == "gzip" else file as source:
        tail = b""
        while piece := source.read(_PIECE):
            whole, found, rest = piece.rpartition(b"\n")
            if not found:
                tail += piece
                continue
            yield from _filled(tail + whole)
            tail = rest
        yield from _filled(tail)


def _filled(block: bytes) -> Iterator[bytes]:
    """Yield the block without its blank lines, unless nothing is left."""
    kept = b"\n".join(line for line in block.split(b"\n") if line.strip())
    if kept:
        yield kept


def _parquet(file: IO[bytes], _: Encoding) -> Iterator[bytes]:
    from pyarrow import parquet  # type: ignore[import-untyped]  # noqa: PLC0415 - see _unreadable

    from target_postgres.arrow_json import json_lines  # noqa: PLC0415 - see _unreadable

    opened = parquet.ParquetFile(file)
    about = opened.metadata
    size = sum(about.row_group(n).total_byte_size for n in range(about.num_row_groups))
    most = _BLOCK_BYTES * about.num_rows // max(size, 1)
    for rows in opened.iter_batches(batch_size=min(max(most, 1), _MOST_ROWS)):
        if len(rows):
            yield json_lines(rows)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
