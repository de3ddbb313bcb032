"""Errors of this target, each named for its cause."""

from __future__ import annotations

from singer_sdk.exceptions import MissingKeyPropertiesError, RecordsWithoutSchemaException

from singer_kit.errors import ContractExceededError, TargetWriteError
from target_postgres import places


class LineError(ContractExceededError):
    """Something on one line of the input ends the load."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class MessageError(LineError):
    """A line of the input is no Singer message that can be used."""

    def __init__(self, line: int, what: str) -> None:
        said = f"line {places.title(line)} of the messages {what}"
        super().__init__(line, f"{said}; mend it and start again from the last STATE")
        self.what = what


class BatchFileError(MessageError):
    """A file that a BATCH message names cannot be read."""

    def __init__(self, line: int, url: str, what: str) -> None:
        super().__init__(line, f"names the file {url}, {what}")


class NoSchemaError(MessageError, RecordsWithoutSchemaException):
    """A message of a stream came before the stream's SCHEMA."""

    def __init__(self, line: int, stream: str) -> None:
        super().__init__(line, f"is of stream {stream!r}, which has sent no SCHEMA yet")


class InvalidRecordError(LineError):
    """A record does not fit its stream's schema, and the settings say that this ends the load."""


class MissingKeyError(InvalidRecordError, MissingKeyPropertiesError):
    """A record has no value for a property of its stream's key."""


class TooManyRejectedError(ContractExceededError):
    """A greater part of a stream's records was rejected than the settings allow."""


class TableRefusedError(TargetWriteError):
    """A table that is there cannot take the stream's rows as they are."""


class EmptyVersionError(TargetWriteError):
    """An ACTIVATE_VERSION would delete all rows of a table without saying why."""


class StreamsFailedError(TargetWriteError):
    """Some streams could not be written; the others are loaded."""


class OutputClosedError(TargetWriteError):
    """Nobody reads the STATE any more."""
