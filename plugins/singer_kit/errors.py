"""Errors that end a connector, each with the exit code that says which kind it was.

Every message is one line that names what was found, where, and what to do next. Records that
are merely bad do not raise these: they go to quarantine (see :mod:`singer_kit.contract`).
"""

from __future__ import annotations

from enum import IntEnum

from singer_sdk.exceptions import RecordsWithoutSchemaException

from singer_kit import places


class ExitCode(IntEnum):
    """What a connector's exit status means.

    These are for direct calls: ``meltano run`` exits 1 whatever a plugin returned.
    """

    OK = 0
    UNEXPECTED = 1
    CONFIG = 2
    SOURCE_UNREACHABLE = 3
    HISTORY_LOST = 4
    CONTRACT_EXCEEDED = 5
    TARGET_WRITE = 6


class ConnectorError(Exception):
    """A failure that the person at the terminal can do something about."""

    exit_code: ExitCode = ExitCode.UNEXPECTED


class ConfigError(ConnectorError):
    """A setting is missing, unknown, or contradicts another."""

    exit_code = ExitCode.CONFIG


class SourceUnreachableError(ConnectorError):
    """The source cannot be reached, or refuses these credentials."""

    exit_code = ExitCode.SOURCE_UNREACHABLE


class HistoryLostError(ConnectorError):
    """The source no longer has what lies between the bookmark and now."""

    exit_code = ExitCode.HISTORY_LOST


class ContractExceededError(ConnectorError):
    """More records broke the contract than the settings allow."""

    exit_code = ExitCode.CONTRACT_EXCEEDED


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


class TargetWriteError(ConnectorError):
    """The target cannot be reached, or refuses a write."""

    exit_code = ExitCode.TARGET_WRITE


class OutputClosedError(TargetWriteError):
    """Nobody reads the STATE any more."""
