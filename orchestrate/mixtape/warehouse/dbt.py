"""dbt, run in this process: parsed once for all stages of a build."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from mixtape.warehouse.errors import BuildError
from mixtape.warehouse.profile import project

if TYPE_CHECKING:
    from collections.abc import Sequence

_BAD = {"error", "fail", "runtime error", "partial success"}


@dataclass(frozen=True)
class Node:
    """What became of one node of dbt's graph."""

    unique_id: str
    name: str
    alias: str
    """The name of the relation; for a test, of that which keeps the rows it found."""
    kind: str
    """model, test, unit_test or snapshot."""
    status: str
    seconds: float
    message: str
    failures: int

    @property
    def is_bad(self) -> bool:
        """Whether it stops the build."""
        return self.status in _BAD


class Dbt:
    """The project, parsed to be built aside (transform/macros/publishing.sql)."""

    def __init__(self, *, verbose: bool) -> None:
        """Parse the project.

        Raises:
            BuildError: it does not parse.
        """
        # dbt would leave its log file open at each command.
        self._verbosity = ["--log-level-file", "none", *([] if verbose else ["--quiet"])]
        folder = os.environ.get("DBT_TARGET_PATH") or str(project() / "target")
        self._always = [
            "--project-dir",
            str(project()),
            "--profiles-dir",
            os.environ.get("DBT_PROFILES_DIR") or str(project()),
            # Beside what people's own commands parse, which do not build aside.
            "--target-path",
            str(Path(folder) / "publishing"),
            "--vars",
            "{aside: true}",
        ]
        done = dbtRunner().invoke([*self._verbosity, "parse", *self._always])
        if not isinstance(done.result, Manifest):
            raise BuildError(f"dbt does not parse the project: {done.exception or done.result}")
        self.manifest = done.result

    def run(self, command: str, *arguments: str) -> list[Node]:
        """Run a command of dbt; return what became of each node.

        Raises:
            BuildError: dbt could not run at all.
        """
        # A manifest that was run is spent: dbt leaves in it what it compiled, for one run only.
        manifest: Manifest = self.manifest.deepcopy()  # type: ignore[no-untyped-call]
        done = dbtRunner(manifest).invoke([*self._verbosity, command, *arguments, *self._always])
        if done.exception and not hasattr(done.result, "results"):
            raise BuildError(f"dbt {command}: {done.exception}")
        return [_node(result) for result in getattr(done.result, "results", [])]


def summary(nodes: Sequence[Node]) -> str:
    """Return how many of each kind there were, as in `56 models, 266 tests`."""
    kinds = Counter(node.kind.replace("_", " ") for node in nodes if node.status != "skipped")
    return ", ".join(f"{number} {kind}s" for kind, number in sorted(kinds.items())) or "nothing"


def _node(result: Any) -> Node:
    return Node(
        unique_id=result.node.unique_id,
        name=result.node.name,
        alias=getattr(result.node, "alias", result.node.name),
        kind=str(result.node.resource_type),
        status=str(result.status),
        seconds=float(result.execution_time or 0),
        message=" ".join(str(result.message or "").split()),
        failures=int(result.failures or 0),
    )
