"""One run: what is read when, what is written of it, and what may be said to be done.

Nothing in here knows pymongo or Singer's output: it decides by what :mod:`tap_mongodb.client`
names, which is how the simulation in the tests runs it against a server and a target of its own.
"""

from __future__ import annotations

from tap_mongodb.sync.run import Run, Stream

__all__ = ["Run", "Stream"]
