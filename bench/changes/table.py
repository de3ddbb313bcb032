"""From tap to table: each half alone, and both with a pipe between them."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from loaders.contenders import place
from measure import Figures, timed

if TYPE_CHECKING:
    from changes.contenders import Contender
    from changes.feeds import Case

TAP, TARGET, BOTH = "tap to a file", "target from that file", "tap | target"
SCHEMA = "changes"


class Table:
    """A collection's way into PostgreSQL."""

    def __init__(self, uri: str, tap: Contender, case: Case, scratch: Path) -> None:
        self.case = case
        self.figures = {name: Figures() for name in (TAP, TARGET, BOTH)}
        self.said = ""
        self._uri = uri
        self._messages = scratch / "messages.jsonl"
        config = scratch / "target.json"
        config.write_text(json.dumps({**place(uri), "default_target_schema": SCHEMA}))
        program = Path(sys.executable).with_name("target-postgres")
        target = [str(program), "--config", str(config)]
        both = f"set -o pipefail; {shlex.join(tap.command(case.collection, case.kind))}"
        self._commands = {
            TAP: tap.command(case.collection, case.kind),
            TARGET: target,
            BOTH: ["bash", "-c", f"{both} | {shlex.join(target)}"],
        }

    def round(self) -> None:
        """Time each of the three once."""
        timed(self.figures[TAP], self._commands[TAP], env=os.environ, stdout=self._messages)
        self._load(TARGET, self._messages)
        self._load(BOTH)

    def _load(self, name: str, messages: Path | None = None) -> None:
        with psycopg.connect(self._uri, autocommit=True) as connection:
            connection.execute(f'drop schema if exists "{SCHEMA}" cascade'.encode())
            connection.execute(f'create schema "{SCHEMA}"'.encode())
            connection.execute("checkpoint")
            timed(self.figures[name], self._commands[name], env=os.environ, stdin=messages)
            query = f'select count(*) from "{SCHEMA}"."{self.case.collection}"'
            [(rows,)] = connection.execute(query.encode()).fetchall()
        self.said = "all rows" if rows == self.case.number else f"{rows:,} rows"
