"""Errors that end a connector, each with the exit code that says which kind it was.

Every message is one line that names what was found, where, and what to do next. Records that
are merely bad do not raise these: they go to quarantine (see :mod:`singer_kit.contract`).
"""

from __future__ import annotations

from enum import IntEnum


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


class TargetWriteError(ConnectorError):
    """The target cannot be reached, or refuses a write."""

    exit_code = ExitCode.TARGET_WRITE
