"""Raps by the hundred, for runs that have to last."""

from __future__ import annotations

_ARTIST = """\
schema_version: 1
name: {name}
country: DE
debut_date: 2015-06-05
updated_at: 2024-10-31T23:00:00Z
"""


def many(prefix: str, count: int) -> dict[str, bytes]:
    """Return so many files of one artist each, whose keys begin with ``artists/<prefix>-``."""
    return {
        f"artists/{prefix}-{number}.yaml": _ARTIST.format(name=f"{prefix} {number}").encode()
        for number in range(count)
    }
