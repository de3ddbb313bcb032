"""File formats: each turns bytes into documents, or says on which line they cannot be read.

A format is a function of an iterator of chunks of bytes, and of how the settings say they are
written, that yields :class:`Document` and :class:`Unreadable` in the order of the file. One that
has to see the whole file before it can trust any of it raises :class:`BadFileError` before the
first yield.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeAlias

from tap_files.formats.csv_text import read_csv
from tap_files.formats.document import PLAIN, BadFileError, Dialect, Document, Unreadable
from tap_files.formats.json_text import read_json, read_jsonl
from tap_files.formats.lines import read_text

__all__ = [
    "FORMATS",
    "BadFileError",
    "Dialect",
    "Document",
    "Format",
    "Unreadable",
    "format_of",
    "name_of",
    "read_csv",
    "read_json",
    "read_jsonl",
    "read_parquet",
    "read_text",
    "read_yaml",
]

Format: TypeAlias = Callable[[Iterable[bytes], Dialect], Iterator[Document | Unreadable]]


def read_parquet(chunks: Iterable[bytes], _dialect: Dialect = PLAIN) -> Iterator[Document]:
    """Read one document a row; see :mod:`tap_files.formats.parquet_file`."""
    from tap_files.formats import parquet_file  # noqa: PLC0415 - 0.2 s and 40 MB for who needs it

    return parquet_file.read_parquet(chunks)


def read_yaml(chunks: Iterable[bytes], dialect: Dialect = PLAIN) -> Iterator[Document | Unreadable]:
    """Read every document of a YAML stream; see :mod:`tap_files.formats.yaml_text`."""
    from tap_files.formats import yaml_text  # noqa: PLC0415 - a twentieth of the tap's start

    return yaml_text.read_yaml(chunks, dialect)


FORMATS: dict[str, Format] = {
    "yaml": read_yaml,
    "json": read_json,
    "jsonl": read_jsonl,
    "csv": read_csv,
    "parquet": read_parquet,
    "text": read_text,
}

# Text has no ending of its own: who wants lines of a README says so.
_ENDINGS = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}


def name_of(key: str, setting: str) -> str | None:
    """Return the name of the file's format, or None for a file that ``auto`` leaves alone."""
    return _ENDINGS.get(_ending(key)) if setting == "auto" else setting


def format_of(
    key: str, setting: str, dialect: Dialect = PLAIN
) -> Callable[[Iterable[bytes]], Iterator[Document | Unreadable]] | None:
    """Return how to read the file, or None for one that ``auto`` leaves alone."""
    name = name_of(key, setting)
    if name is None:
        return None
    if _ending(key) == ".tsv" and dialect.delimiter is None:
        dialect = replace(dialect, delimiter="\t")
    read = FORMATS[name]
    return lambda chunks: read(chunks, dialect)


def _ending(key: str) -> str:
    return key[max(key.rfind("."), 0) :].lower()
