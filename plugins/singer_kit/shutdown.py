"""A request to stop, as a flag: handlers set it, the work loop asks for it at safe points.

A signal handler that drained or printed would run in the middle of a write and could
acknowledge rows that are not committed. So SIGTERM and SIGINT only set a flag; the loop ends
at its next safe point with everything before it committed and acknowledged.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


class Shutdown:
    """Set once by the first signal; a second one of the same kind ends the process at once."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    @property
    def requested(self) -> bool:
        """Whether somebody asked this process to stop."""
        return self.signal is not None

    def install(self) -> None:
        """Take over SIGTERM and SIGINT. Only the main thread may do this."""
        signal.signal(signal.SIGTERM, self._handle)
        signal.signal(signal.SIGINT, self._handle)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.signal = signal.Signals(number)
        # Default again: whoever asks twice means now, and convergence does not need our help.
        signal.signal(number, signal.SIG_DFL)
