"""`kubectl` and `argo`, as a test uses them."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import time
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Object = dict[str, Any]
Found = TypeVar("Found")

ENDED = {"Succeeded", "Failed", "Error"}
_POLL_SECONDS = 0.5
_ARGO = re.compile(r" argo=true|^Error: exit status \d+$")
"""What the executor says of the command it runs, in the log of the command."""


class Refused(Exception):  # noqa: N818 - what the API server did, not a fault of the test
    """The API server or a linter did not take it."""


class Kube:
    """One namespace of a cluster."""

    def __init__(self, namespace: str) -> None:
        """Speak of ``namespace`` where a command names none."""
        self.namespace = namespace

    def __call__(self, *arguments: str, given: str | None = None) -> str:
        """Return what ``kubectl ARGUMENT…`` prints.

        Raises:
            Refused: it ended badly; the text is what it said.
        """
        return self._run(["kubectl", "--namespace", self.namespace, *arguments], given)

    def argo(self, *arguments: str) -> str:
        """Return what ``argo ARGUMENT…`` prints.

        Raises:
            Refused: it ended badly; the text is what it said.
        """
        return self._run(["argo", "--namespace", self.namespace, *arguments])

    @contextlib.contextmanager
    def forwarded(self, what: str, port: int, target: int) -> Iterator[None]:
        """Make a port of the cluster a port of this machine's loopback interface."""
        process = subprocess.Popen(
            ["kubectl", "--namespace", self.namespace, "port-forward", what, f"{port}:{target}"],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout
            assert process.stdout.readline().startswith("Forwarding from 127.0.0.1")
            yield
        finally:
            process.terminate()
            process.communicate()

    @staticmethod
    def _run(command: Sequence[str], given: str | None = None) -> str:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, check=False, timeout=180
        )
        if done.returncode:
            raise Refused((done.stderr + done.stdout).strip())
        return done.stdout

    def apply(self, *objects: Object) -> None:
        """Apply objects, by the server."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        self("apply", "--server-side", "--force-conflicts", "--filename", "-", given=text)

    def get(self, kind: str, name: str) -> Object:
        """Return one object."""
        found: Object = json.loads(self("get", kind, name, "--output", "json"))
        return found

    def of(self, kind: str, **labels: str) -> list[Object]:
        """Return the objects of a kind with these labels, the oldest first."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        found = json.loads(self("get", kind, "--selector", selector, "--output", "json"))
        items: list[Object] = found["items"]
        return sorted(items, key=lambda each: each["metadata"]["creationTimestamp"])

    def await_workflow(self, name: str, seconds: float = 180) -> Object:
        """Return a Workflow that has ended.

        Raises:
            TimeoutError: it has not; the text is its state.
        """
        return await_(
            lambda: self._ended(name), seconds, lambda: str(self.get("workflow", name)["status"])
        )

    def _ended(self, name: str) -> Object | None:
        found = self.get("workflow", name)
        return found if found.get("status", {}).get("phase") in ENDED else None

    def log(self, workflow: str) -> list[str]:
        """Return the lines that the runs in the pods of a Workflow printed, without Argo's own."""
        selector = f"workflows.argoproj.io/workflow={workflow}"
        printed = self("logs", "--selector", selector, "--container", "main", "--tail=-1")
        return [line for line in printed.splitlines() if not _ARGO.search(line)]


def await_(
    look: Callable[[], Found | None], seconds: float, describe: Callable[[], str] = str
) -> Found:
    """Return what ``look`` finds as soon as that is something.

    Raises:
        TimeoutError: nothing in ``seconds``; the text is what ``describe`` says.
    """
    deadline = time.monotonic() + seconds
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(describe())
        time.sleep(_POLL_SECONDS)
    return found


def pods_of(workflow: Object) -> list[Object]:
    """Return the nodes of a Workflow that are pods, in the order in which they started."""
    nodes = workflow["status"].get("nodes", {}).values()
    found = [node for node in nodes if node["type"] == "Pod"]
    return sorted(found, key=lambda node: node.get("startedAt") or "9")
