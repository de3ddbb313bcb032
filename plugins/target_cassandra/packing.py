"""Writes that go to a server together, in unlogged batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_cassandra.requests import Write
    from target_cassandra.ring import Ring

_MOST_PARTITIONS = 10
"""More of them in one unlogged batch make a server warn."""

_MOST_OPEN = 3
"""Batches of one group that are being filled. With the first alone, room is left for a smaller
write than the next one in every batch; with more than these, hardly any room is gained."""


class _Open:
    """A batch that is being filled."""

    __slots__ = ("partitions", "size", "writes")

    def __init__(self, write: Write) -> None:
        self.writes = [write]
        self.partitions = {write.partition}
        self.size = write.size


def batches(
    writes: Iterable[Write], ring: Ring, max_bytes: int
) -> Iterator[tuple[int, list[Write]]]:
    """Yield writes that may go together: the same replicas, few partitions, not too large.

    A write goes where it leaves the least room; a batch goes when none of those open has any for
    the next write, the fullest first.
    """
    groups: dict[int, list[_Open]] = {}
    for write in writes:
        group = ring.group(write.partition)
        found = groups.get(group)
        if found is None:
            found = groups[group] = []
        room = max_bytes - write.size
        best = None
        fullest = -1
        for one in found:
            if fullest < one.size <= room and (
                len(one.partitions) < _MOST_PARTITIONS or write.partition in one.partitions
            ):
                best = one
                fullest = one.size
        if best is not None:
            best.writes.append(write)
            best.partitions.add(write.partition)
            best.size += write.size
            continue
        if len(found) == _MOST_OPEN:
            full = max(found, key=_size)
            found.remove(full)
            yield group, full.writes
        found.append(_Open(write))
    for group, found in groups.items():
        for one in found:
            yield group, one.writes


def _size(one: _Open) -> int:
    return one.size
