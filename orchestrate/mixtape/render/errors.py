"""What cannot be rendered, each fault with the file and line to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mixtape.errors import MixtapeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mixtape.render.source import Place


class RenderError(MixtapeError):
    """Meltano's files or the list of clusters say something no cluster could run."""

    def __init__(self, faults: Sequence[str]) -> None:
        """Hold every fault, so that one look mends them all."""
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class Faults:
    """Collects faults, so that the first does not hide the others."""

    def __init__(self) -> None:
        """Begin with none."""
        self._found: list[str] = []

    def add(self, place: Place, message: str) -> None:
        """Note what is wrong at a place, and what would be right."""
        self._found.append(f"{place}: {message}")

    def raise_any(self) -> None:
        """Raise RenderError when there are any."""
        if self._found:
            raise RenderError(sorted(set(self._found)))
