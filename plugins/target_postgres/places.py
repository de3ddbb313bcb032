"""Where a record was read, as one number that grows with the reading.

A record of the input is named by its line. Records of the files that a BATCH message names come
behind one another on a line of their own, the message's: ``7:1203`` is the 1,203rd of them.
"""

from __future__ import annotations

_BITS = 40
"""Of the number; what is above them is the line of the BATCH message."""


def in_files(line: int, record: int) -> int:
    """Return the place of a record, from 1, of the files of the BATCH message on ``line``."""
    return line << _BITS | record


def title(place: int) -> str:
    """Return the name of a place, for people."""
    line, record = divmod(place, 1 << _BITS)
    return f"{line}:{record}" if line else str(record)
