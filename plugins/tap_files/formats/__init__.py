"""File formats: each turns bytes into documents, or says on which line they cannot be read.

A format is a function of an iterator of chunks of bytes that yields :class:`Document` and
:class:`Unreadable` in the order of the file. One that has to see the whole file before it can
trust any of it raises :class:`BadFileError` before the first yield.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from tap_files.formats.document import BadFileError, Document, Unreadable
from tap_files.formats.json_text import read_json, read_jsonl
from tap_files.formats.yaml_text import read_yaml

__all__ = [
    "FORMATS",
    "BadFileError",
    "Document",
    "Format",
    "Unreadable",
    "format_of",
    "read_json",
    "read_jsonl",
    "read_yaml",
]

Format: TypeAlias = Callable[[Iterable[bytes]], Iterator[Document | Unreadable]]

FORMATS: dict[str, Format] = {"yaml": read_yaml, "json": read_json, "jsonl": read_jsonl}

_ENDINGS = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


def format_of(key: str, setting: str) -> Format | None:
    """Return how to read the file, or None for one that ``auto`` leaves alone."""
    if setting != "auto":
        return FORMATS[setting]
    dot = key.rfind(".")
    name = _ENDINGS.get(key[dot:].lower()) if dot >= 0 else None
    return FORMATS[name] if name else None
