"""One writer at a time for tables whose keys can change: a row taken by a lightweight transaction.

The row lives for ``lock_seconds`` and is renewed well before, so that a loader that was killed
keeps nobody out for longer. A loader that could not renew it in time writes nothing more.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from typing import TYPE_CHECKING

from cassandra import ConsistencyLevel
from cassandra.metadata import protect_name

from target_cassandra.cluster import TROUBLE
from target_cassandra.errors import LockedError
from target_cassandra.layout import LOCKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cassandra.query import PreparedStatement

    from target_cassandra.cluster import Connection

_POLL_SECONDS = 0.25
_MARGIN = 0.7
"""The part of a lock's life for which its holder relies on it."""


class Locks:
    """The locks that one load holds."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        settings = connection.settings
        self._seconds = settings.lock_seconds
        self.owner = (
            f"{settings.run_id} {socket.gethostname()} {os.getpid()} {uuid.uuid4().hex[:8]}"
        )
        self._held: dict[str, float] = {}
        self._lost: str | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._statements: tuple[PreparedStatement, ...] = ()

    def _prepare(self) -> tuple[PreparedStatement, ...]:
        if not self._statements:
            table = f"{protect_name(self._connection.settings.keyspace)}.{LOCKS}"
            found = tuple(
                self._connection.session.prepare(text)
                for text in (
                    f"INSERT INTO {table} (name, owner) VALUES (?, ?) IF NOT EXISTS USING TTL ?",
                    f"UPDATE {table} USING TTL ? SET owner = ? WHERE name = ? IF owner = ?",
                    f"DELETE FROM {table} WHERE name = ? IF owner = ?",
                )
            )
            for statement in found:
                statement.serial_consistency_level = ConsistencyLevel.LOCAL_SERIAL
            self._statements = found
        return self._statements

    def take(self, table: str) -> None:
        """Wait for a table's lock, longer than a dead loader's lives.

        Raises:
            LockedError: another loader keeps it.
        """
        if table in self._held:
            return
        insert, _, _ = self._prepare()
        deadline = time.monotonic() + 2 * self._seconds
        while True:
            asked = time.monotonic()
            is_ours, holder = self._ask(insert, (table, self.owner, self._seconds))
            if is_ours:
                break
            if time.monotonic() > deadline:
                raise LockedError(
                    f"table {table!r} is being written by another loader ({holder}); its keys can "
                    "change, so it takes one at a time: start again when that has ended"
                )
            time.sleep(_POLL_SECONDS)
        self._held[table] = asked
        if self._thread is None:
            self._thread = threading.Thread(target=self._renew, name="locks", daemon=True)
            self._thread.start()

    def check(self, table: str) -> None:
        """Raise LockedError unless the table is surely ours for a while."""
        if time.monotonic() - self._held[table] > self._seconds * _MARGIN:
            # A pause of ours: whoever has taken it meanwhile has put another name, or none, there.
            self._keep(table)
        if self._lost or time.monotonic() - self._held[table] > self._seconds * _MARGIN:
            raise LockedError(
                f"the lock on table {table!r} could not be kept"
                f"{f' ({self._lost})' if self._lost else ''}; another loader may write by now, so "
                "this one ends: start again from the last STATE"
            )

    def release(self) -> None:
        """Give back every lock; one that cannot be given back runs out by itself."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            _, _, delete = self._statements
            for table in self._held:
                self._ask(delete, (table, self.owner))
        self._held = {}

    def _renew(self) -> None:
        while not (self._lost or self._stop.wait(self._seconds / 4)):
            for table in list(self._held):
                self._keep(table)

    def _keep(self, table: str) -> None:
        _, update, _ = self._statements
        asked = time.monotonic()
        is_ours, holder = self._ask(update, (self._seconds, self.owner, table, self.owner))
        if is_ours:
            self._held[table] = max(asked, self._held[table])
        elif holder is not None:
            self._lost = holder

    def _ask(
        self, statement: PreparedStatement, values: Sequence[object]
    ) -> tuple[bool, str | None]:
        """Return whether the row is ours now, else who has it: None if nobody could say."""
        try:
            row = self._connection.session.execute(statement, values).one()
        except TROUBLE:
            # It may have been done all the same: the next question tells.
            return False, None
        holder = next((str(one) for one in row[1:] if one and one != values[0]), None)
        return bool(row[0]) or holder == self.owner, holder or "nobody"
