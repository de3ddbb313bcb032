"""Which STATE may be printed: never one that is ahead of what is committed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

State = dict[str, Any]


class Bookmarks:
    """The STATE that is durable, which grows as streams commit.

    A STATE speaks for all records before it. Its part ``bookmarks[stream]`` holds once that
    stream's records are committed; so does the rest, once those of all streams are. A stream
    without a bookmark of its own is spoken for by all others (a tap may keep one position for
    several streams), so nothing moves before it. Nor does anything before a stream of which no
    bookmark is durable yet: without one its next run would read it from the start.
    """

    def __init__(self) -> None:
        self.durable: State = {}

    def reached(
        self,
        target: State | None,
        waiting: AbstractSet[str],
        failed: AbstractSet[str] = frozenset(),
        whole: State | None = None,
    ) -> State:
        """Return the durable STATE when only the records of ``waiting`` are left of ``target``.

        Those of ``failed`` are left too, and will not come: what others have is not held back.
        ``whole`` is an earlier STATE of which no records are left. It is what holds where a STATE
        has no bookmarks of which some could move alone.
        """
        if target is None:
            return self.durable
        if not (waiting or failed):
            return target
        ahead, behind = (one.get("bookmarks") for one in (target, self.durable))
        if not isinstance(ahead, dict):
            return self.durable if failed or whole is None else whole
        behind = behind if isinstance(behind, dict) else {}
        left = waiting | failed
        if not (left <= ahead.keys() and waiting <= behind.keys()):
            return self.durable
        kept = {name: behind[name] for name in left if name in behind}
        moved = {name: mark for name, mark in ahead.items() if name not in left}
        if not moved:
            return self.durable
        return {**self.durable, "bookmarks": moved | kept}

    def move(self, state: State) -> bool:
        """Take ``state`` as durable; returns whether there is something new to print."""
        changed = bool(state) and state != self.durable
        self.durable = state
        return changed
