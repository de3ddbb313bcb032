"""A job's tap and target, asked through Meltano: its files say which they are and how they are set.

Nothing of a connector is imported: they are programs that `meltano invoke` starts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
import yaml

from mixtape.paths import project_root
from mixtape.services import ServiceError

_SSL = {"ssl_mode": "sslmode", "ssl_certificate_authority": "sslrootcert"}


class PipelineError(ServiceError):
    """A job cannot be worked with; says what to do about it."""


@dataclass(frozen=True)
class Pipeline:
    """The tap and the target of one job, and the environment they run in."""

    tap: str
    target: str
    environment: str

    @property
    def state_id(self) -> str:
        """What Meltano calls the state of `meltano run <tap> <target>`."""
        return f"{self.environment}:{self.tap}-to-{self.target}"

    @cached_property
    def catalog(self) -> dict[str, dict[str, Any]]:
        """What the tap says of its streams, by name."""
        found = json.loads(_meltano("invoke", self.tap, "--discover"))
        return {stream["tap_stream_id"]: stream for stream in found["streams"]}

    @cached_property
    def tap_config(self) -> dict[str, Any]:
        """The tap's settings, secrets included."""
        config: dict[str, Any] = json.loads(_meltano("invoke", "--dump=config", self.tap))
        return config

    @cached_property
    def target_config(self) -> dict[str, Any]:
        """The target's settings, secrets included."""
        config: dict[str, Any] = json.loads(_meltano("invoke", "--dump=config", self.target))
        return config

    def load(self, messages: bytes) -> None:
        """Hand Singer messages to the target; returns once they are committed.

        Raises:
            PipelineError: the target did not end well.
        """
        _meltano("invoke", self.target, given=messages)

    def set_state(self, state: dict[str, Any], folder: Path) -> None:
        """Make ``state`` what the job's next run goes on from."""
        file = folder / "state.json"
        file.write_text(json.dumps({"singer_state": state}))
        _meltano("state", "set", "--force", "--input-file", str(file), self.state_id)


def of_job(name: str) -> Pipeline:
    """Return the first pipeline of a job in Meltano's files.

    Raises:
        PipelineError: there is no such job, or it has no tap and target.
    """
    root = project_root()
    main = _read(root / "meltano.yml")
    files = [main, *(_read(root / path) for path in main.get("include_paths", []))]
    jobs = {job["name"]: job for file in files for job in file.get("jobs", [])}
    if name not in jobs:
        raise PipelineError(f"no job {name!r} in Meltano's files; there are: {', '.join(jobs)}")
    environment = os.environ.get("MELTANO_ENVIRONMENT") or main.get("default_environment", "")
    for task in jobs[name]["tasks"]:
        parts = task.split() if isinstance(task, str) else []
        if len(parts) > 1:
            return Pipeline(parts[0], parts[-1], environment)
    raise PipelineError(f"job {name!r} has no task of a tap and a target")


def connect(config: dict[str, Any]) -> psycopg.Connection:
    """Return a connection to where a target with this configuration loads."""
    if url := config.get("sqlalchemy_url"):
        return psycopg.connect(url, autocommit=True)
    parts = {_SSL[name]: config[name] for name in _SSL if config.get(name)}
    return psycopg.connect(
        host=config.get("host"),
        port=config.get("port"),
        user=config.get("user"),
        password=config.get("password"),
        dbname=config.get("database"),
        autocommit=True,
        **parts,
    )


def _read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def _meltano(*arguments: str, given: bytes | None = None) -> str:
    ended = subprocess.run(
        [str(Path(sys.executable).with_name("meltano")), "--log-level=error", *arguments],
        cwd=project_root(),
        input=given,
        stdin=None if given is not None else subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if ended.returncode:
        lines = ended.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        shown = " ".join(arguments[:2])
        raise PipelineError(f"`meltano {shown}` ended with {ended.returncode}: {lines[-1]}")
    return ended.stdout.decode()
