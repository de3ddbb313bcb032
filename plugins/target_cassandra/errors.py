"""Errors of this target, each named for its cause."""

from __future__ import annotations

from singer_sdk.exceptions import MissingKeyPropertiesError

from singer_kit.errors import ConfigError, LineError, TargetWriteError


class TableConfigError(ConfigError):
    """A table of the settings does not fit its stream."""


class InvalidRecordError(LineError):
    """A record cannot be stored, and the settings say that this ends the load."""


class MissingKeyError(InvalidRecordError, MissingKeyPropertiesError):
    """A record has no value for a property of its stream's key."""


class UnreachableError(TargetWriteError):
    """No node can be reached, or none lets us in."""


class TableRefusedError(TargetWriteError):
    """A table is not there, or cannot take the stream's rows as it is."""


class EmptyVersionError(TargetWriteError):
    """An ACTIVATE_VERSION would remove all rows of a table without saying why."""


class WriteError(TargetWriteError):
    """Cassandra did not acknowledge a request, however often it was sent."""


class LockedError(TargetWriteError):
    """Another loader writes a table that takes one writer at a time."""
