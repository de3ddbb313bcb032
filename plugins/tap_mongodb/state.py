"""What a run leaves for the next, as it stands in Singer state.

A change stream's position is stored once, however many streams follow it; a stream's bookmark
says what it has of its collection::

    {"bookmarks": {"artists": {"phase": "stream", "epoch": 17…,
                               "snapshot": {"started_at": "17….1", "version": 17…, "lsn": 17…,
                                            "last_id": …, "done": true}}},
     "cursor": {"cluster": "rs0/…", "epoch": 17…, "resume_token": {"_data": "82…"},
                "operation_time": "17….4", "pipeline_hash": "…", "lsn": 17…}}

With a change stream for each collection, each bookmark has its own ``cursor``. A target that
acknowledges streams one by one takes everything outside of ``bookmarks`` only once all are
committed, so a position is never ahead of a row. An *epoch* is the unbroken history that a
position belongs to: a bookmark of another epoch says nothing, and its stream is read anew.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bson import Timestamp, json_util

from tap_mongodb.client import Start, Token
from tap_mongodb.identity import id_from_json

if TYPE_CHECKING:
    from collections.abc import Mapping

MICROSECONDS = 1_000_000


def lsn_of(time: Timestamp) -> int:
    """Return a cluster time as a version of rows: microseconds since the epoch."""
    return time.time * MICROSECONDS + time.inc


def write_time(time: Timestamp) -> str:
    """Write a cluster time as ``seconds.increment``."""
    return f"{time.time}.{time.inc}"


def read_time(found: Any) -> Timestamp | None:
    """Read what :func:`write_time` wrote; None for anything else."""
    seconds, _, increment = found.partition(".") if isinstance(found, str) else ("", "", "")
    if not (seconds.isdigit() and increment.isdigit()):
        return None
    return Timestamp(int(seconds), int(increment))


@dataclass
class Cursor:
    """A change stream's position, and the history it belongs to."""

    cluster: str
    time: Timestamp
    """Everything before this cluster time is behind the position."""
    epoch: int
    token: Token | None = None
    is_end: bool = False
    """Whether the token is that of an event that ended the stream."""
    pipeline_hash: str = ""
    """What the stream was made from that gave the token."""
    lsn: int = 0
    """The newest version that was given to a row."""
    offset: int = 0
    """What versions are ahead of cluster times, after a move to a cluster whose clock is behind."""

    def move(self, token: Token | None, time: Timestamp | None = None) -> None:
        """Move on; a server without a token leaves its time as the position."""
        if token is not None:
            self.token, self.is_end = token, False
        if time is not None and time > self.time:
            self.time = time

    def lsn_of(self, time: Timestamp) -> int:
        """Return the version of rows at a cluster time."""
        return lsn_of(time) + self.offset

    @property
    def start(self) -> Start:
        """Return where a stream goes on."""
        return Start(self.time, self.token, self.is_end)

    @classmethod
    def read(cls, found: Any) -> Cursor | None:
        """Read a cursor from the state; None where there is none to go on from."""
        if not isinstance(found, dict):
            return None
        time, token = read_time(found.get("operation_time")), found.get("resume_token")
        if time is None or not isinstance(found.get("cluster"), str):
            return None
        return cls(
            found["cluster"],
            time,
            _int(found.get("epoch")),
            _token(token),
            found.get("is_end") is True,
            str(found.get("pipeline_hash", "")),
            _int(found.get("lsn")),
            _int(found.get("lsn_offset")),
        )

    def value(self) -> dict[str, Any]:
        """Return what goes into the state."""
        value: dict[str, Any] = {
            "cluster": self.cluster,
            "epoch": self.epoch,
            "operation_time": write_time(self.time),
            "pipeline_hash": self.pipeline_hash,
            "lsn": self.lsn,
        }
        if self.token is not None:
            value["resume_token"] = json.loads(json_util.dumps(self.token))
        if self.is_end:
            value["is_end"] = True
        if self.offset:
            value["lsn_offset"] = self.offset
        return value


@dataclass
class Bookmark:
    """What one stream has of its collection."""

    epoch: int
    version: int
    """Rows of older versions are gone once this one's snapshot is done."""
    started_at: Timestamp
    lsn: int = 0
    """The version given to the rows of the snapshot's newest chunk."""
    last_id: str | None = None
    """Extended JSON of the ``_id`` that the snapshot has reached; ``null`` is an ``_id`` too."""
    done: bool = False
    dropped: bool = False
    """Whether the collection is gone, and its rows with it."""
    uuid: str = ""
    """The collection's UUID when its snapshot began."""
    fields: Mapping[str, str] | None = None
    """What the stream's encoder wants to know of earlier runs."""

    @classmethod
    def read(cls, found: Any) -> Bookmark | None:
        """Read a bookmark from the state; None where there is none to go on from."""
        snapshot = found.get("snapshot") if isinstance(found, dict) else None
        if not isinstance(snapshot, dict):
            return None
        started_at, version = read_time(snapshot.get("started_at")), snapshot.get("version")
        if started_at is None or not isinstance(version, int):
            return None
        fields = found.get("fields")
        return cls(
            _int(found.get("epoch")),
            version,
            started_at,
            _int(snapshot.get("lsn")),
            _last_id(snapshot),
            snapshot.get("done") is True,
            found.get("dropped") is True,
            str(found.get("uuid", "")),
            fields if isinstance(fields, dict) else None,
        )

    def value(self) -> dict[str, Any]:
        """Return what goes into the state."""
        snapshot: dict[str, Any] = {
            "started_at": write_time(self.started_at),
            "version": self.version,
            "lsn": self.lsn,
            "done": self.done,
        }
        if not self.done and self.last_id is not None:
            # Names that are repeated or look like Extended JSON's own are in the text alone.
            parsed = json.loads(self.last_id)
            if id_from_json(json.dumps(parsed)) == id_from_json(self.last_id):
                snapshot["last_id"] = parsed
            else:
                snapshot["last_id_text"] = self.last_id
        value: dict[str, Any] = {
            "phase": "stream" if self.done else "snapshot",
            "epoch": self.epoch,
            "snapshot": snapshot,
        }
        if self.uuid:
            value["uuid"] = self.uuid
        if self.dropped:
            value["dropped"] = True
        if self.fields is not None:
            value["fields"] = self.fields
        return value


def _last_id(snapshot: dict[str, Any]) -> str | None:
    if isinstance(text := snapshot.get("last_id_text"), str):
        return text
    return json.dumps(snapshot["last_id"]) if "last_id" in snapshot else None


def _token(found: Any) -> Token | None:
    if not isinstance(found, dict):
        return None
    token: Token = json_util.loads(json.dumps(found))
    return token


def _int(found: Any) -> int:
    return found if isinstance(found, int) else 0
