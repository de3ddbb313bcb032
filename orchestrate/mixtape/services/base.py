"""The shape of a service on this machine: start, ready, address, stop.

A service's processes are found by a mark in their environment, not by a pid file: whoever is
killed between starting a server and writing down its pid leaves nothing that the next call
cannot find. Everything a service writes is below one folder, so two checkouts never meet.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import psutil

from mixtape.errors import MixtapeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MARK = "MIXTAPE_SERVICE"
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.05
# While a process becomes its program (exec), it shows no environment, and so is not seen as ours.
_UNSEEN_SECONDS = 2.0


class ServiceError(MixtapeError):
    """A service cannot be started, reached or stopped; the text says what to do."""


class Part(ABC):
    """A part that data flows through: a server of ours, or one that the environment gives."""

    #: what `mixtape up` calls it
    name: str
    #: what people call it
    title: str

    @property
    def wanted(self) -> bool:
        """Whether it is meant where no part is named."""
        return True

    @abstractmethod
    def start(self) -> None:
        """Return once it is ready and has what its clients need; raise ServiceError if not."""

    @abstractmethod
    def ready(self) -> bool:
        """Tell whether it answers a real request now."""

    @abstractmethod
    def address(self) -> dict[str, str]:
        """Return the environment variables that lead clients to it; may hold secrets."""

    @property
    @abstractmethod
    def url(self) -> str:
        """The address to show to people; holds no secret."""

    @abstractmethod
    def stop(self) -> None:
        """Stop what we started; does nothing to a server that is not ours."""

    @abstractmethod
    def provision(self) -> None:
        """Make what clients need in a server that is ready; must be idempotent."""


class Given(Part):
    """A server somebody else runs, at an address that the environment gives."""

    #: the environment variable that gives the address
    variable: str

    def start(self) -> None:
        """Check that it answers, and provision it.

        Raises:
            ServiceError: nothing answers at the given address.
        """
        if not self.ready():
            raise ServiceError(
                f"{self.title} does not answer at {self.url} ({self.variable}): check the "
                f"address and the credentials, or unset {self.variable} to have one started"
            )
        self.provision()

    def stop(self) -> None:
        """Leave it alone: it is not ours."""


class Service(Part):
    """A server of this checkout, whose files are all in one folder."""

    #: what asks the server to stop in an orderly way, and soon
    stop_signal = signal.SIGTERM
    #: how long a start may take
    ready_seconds = 60.0

    def __init__(self, root: Path) -> None:
        """Describe the service whose files are in ``root/<name>``; nothing is started yet."""
        self.home = root / self.name

    # What each service says of itself ------------------------------------------------------

    @abstractmethod
    def command(self, port: int) -> list[str]:
        """Return the command that runs the server in the foreground on ``port``."""

    def prepare(self) -> None:
        """Make what the server needs before its first start; must survive being cut off."""

    def environment(self) -> Mapping[str, str]:
        """Return variables that the server's own process needs."""
        return {}

    # What is the same for all --------------------------------------------------------------

    def start(self) -> None:
        """Start it unless it runs, and return once it is ready and provisioned.

        Raises:
            ServiceError: it did not become ready; the text ends with the log's last lines.
        """
        with self._alone():
            if not (self.processes() and self.ready()):
                self._stop()
                self.prepare()
                self._spawn()
                self._await_ready()
            self.provision()

    def stop(self) -> None:
        """Stop it, and whatever an interrupted start left; does nothing when nothing runs."""
        if self.home.exists():
            with self._alone():
                self._stop()

    def processes(self) -> list[psutil.Process]:
        """Return the server's live processes, the oldest first."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(MARK) == str(self.home):
                    found.append(process)
        return sorted(found, key=lambda process: process.create_time())

    @property
    def running(self) -> bool:
        """Whether it is up and answers."""
        return bool(self.processes()) and self.ready()

    @property
    def placed(self) -> bool:
        """Whether it was ever started, and so has an address."""
        return (self.home / "port").exists()

    @property
    def port(self) -> int:
        """The TCP port; kept over restarts, so that a saved connection goes on working."""
        try:
            return int((self.home / "port").read_text())
        except FileNotFoundError:
            raise ServiceError(f"{self.name} was never started: run `mixtape up`") from None

    def secret(self, name: str) -> str:
        """Return a password of this checkout, made on first use and readable by us alone."""
        path = self.home / "secrets.json"
        known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        if name not in known:
            known[name] = secrets.token_urlsafe(24)
            write_private(path, json.dumps(known, indent=2))
        return known[name]

    @property
    def log(self) -> Path:
        """The server's own output."""
        return self.home / "log"

    def _spawn(self) -> None:
        if not self.placed or not _is_free(self.port):
            write_private(self.home / "port", str(free_port()))
        with self.log.open("ab") as log:
            # In a session of its own and nobody's child: it outlives the command that started it.
            subprocess.run(
                ["setsid", "--fork", *self.command(self.port)],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment(), MARK: str(self.home)},
                cwd=self.home,
            )

    def _await_ready(self) -> None:
        now = seen = time.monotonic()
        deadline = now + self.ready_seconds
        while now < deadline:
            if self.ready():
                return
            now = time.monotonic()
            if self.processes():
                seen = now
            elif now - seen > _UNSEEN_SECONDS:
                break
            time.sleep(_POLL_SECONDS)
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-12:])
        self._stop()
        raise ServiceError(f"{self.name} did not start; the end of {self.log}:\n{tail}")

    def _stop(self) -> None:
        if not (processes := self.processes()):
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            processes[0].send_signal(
                self.stop_signal
            )  # the first is the parent; the others follow it
        _, alive = psutil.wait_procs(processes, timeout=_STOP_SECONDS)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=_STOP_SECONDS)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one `up` or `down` at a time touch this service; the kernel frees a dead holder."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def write_private(path: Path, text: str) -> None:
    """Write ``text`` so that nobody else can read it and nobody ever sees half of it."""
    scratch = path.with_name(path.name + ".new")
    scratch.unlink(missing_ok=True)
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    scratch.replace(path)


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False
