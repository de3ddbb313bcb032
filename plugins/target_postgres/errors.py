"""Errors of this target, each named for its cause."""

from __future__ import annotations

from singer_sdk.exceptions import MissingKeyPropertiesError

from singer_kit.errors import LineError, TargetWriteError


class InvalidRecordError(LineError):
    """A record does not fit its stream's schema, and the settings say that this ends the load."""


class MissingKeyError(InvalidRecordError, MissingKeyPropertiesError):
    """A record has no value for a property of its stream's key."""


class TableRefusedError(TargetWriteError):
    """A table that is there cannot take the stream's rows as they are."""


class EmptyVersionError(TargetWriteError):
    """An ACTIVATE_VERSION would delete all rows of a table without saying why."""


class StreamsFailedError(TargetWriteError):
    """Some streams could not be written; the others are loaded."""
