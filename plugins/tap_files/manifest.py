"""The setting ``manifest``: the versions of files that a run may read, decided before it began."""

from __future__ import annotations

import json
from pathlib import Path

from singer_kit.errors import ConfigError

Manifest = dict[str, str]
"""Key → etag."""


def read_manifest(path: str) -> Manifest:
    """Return what a file of JSON lines (``{"key": …, "etag": …}``) names; an empty one names none.

    Raises:
        ConfigError: there is no such file, or a line of it is something else.
    """
    found: Manifest = {}
    try:
        with Path(path).open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                key, etag = _entry(line, f"setting 'manifest': {path}, line {number}")
                found[key] = etag
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"setting 'manifest': {path} cannot be read ({said}); write it first, or leave the "
            "setting empty to read whatever is new"
        ) from None
    return found


def _entry(line: str, where: str) -> tuple[str, str]:
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    match entry:
        case {"key": str(key), "etag": str(etag)}:
            return key, etag
        case _:
            raise ConfigError(f'{where}: must be an object like {{"key": "…", "etag": "…"}}')
