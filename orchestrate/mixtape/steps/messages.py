"""What the tap makes of the manifest's files, message by message."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mixtape.paths import project_root
from mixtape.pipeline import PipelineError
from mixtape.steps.inputs import write_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mixtape.steps.run import Run

FILES = "_files"

_QUARANTINE_KEY = ["source_key", "error_path", "error_code"]


class Message(msgspec.Struct):
    """A Singer message, as far as the steps look at it."""

    type: str
    stream: str = ""
    record: dict[str, Any] = {}
    schema: dict[str, Any] = {}
    key_properties: list[str] = []
    is_rejected: bool = False
    """Whether its stream is a quarantine."""


def messages(run: Run) -> Iterator[Message]:
    """Run the tap on the manifest, from no state, and yield its SCHEMA and RECORD messages.

    Raises:
        PipelineError: there is no manifest, or the tap did not end well: its last line is told.
    """
    write_manifest(run)
    if not run.summary["files"]:
        return
    decoder = msgspec.json.Decoder(Message)
    command = [
        str(Path(sys.executable).with_name("meltano")),
        "--log-level=error",
        "invoke",
        run.pipeline.tap,
    ]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            command,
            cwd=project_root(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
        ) as tap,
    ):
        assert tap.stdout  # noqa: S101 - it was asked for
        quarantines: set[str] = set()
        for line in tap.stdout:
            message = decoder.decode(line)
            if message.type == "SCHEMA" and message.key_properties == _QUARANTINE_KEY:
                quarantines.add(message.stream)
            message.is_rejected = message.stream in quarantines
            if message.type in {"SCHEMA", "RECORD"}:
                yield message
        if code := tap.wait():
            log.seek(0)
            said = log.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
            raise PipelineError(f"{run.pipeline.tap} ended with {code}: {said[-1]}")
