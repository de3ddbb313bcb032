"""A request to stop is a flag; asking twice is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from singer_kit.shutdown import Shutdown

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_noted_and_nothing_more(number: signal.Signals) -> None:
    shutdown = Shutdown()
    shutdown.install()
    assert not shutdown.requested
    os.kill(os.getpid(), number)
    assert shutdown.requested
    assert shutdown.signal is number


def test_a_second_signal_ends_the_process() -> None:
    code = (
        "import os, signal\n"
        "from singer_kit.shutdown import Shutdown\n"
        "Shutdown().install()\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "print('still here', flush=True)\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "print('never')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == -signal.SIGTERM
    assert done.stdout == b"still here\n"
