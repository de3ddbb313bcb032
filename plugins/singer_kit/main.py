"""The one way a connector's process starts and ends.

Runs the SDK's command line and turns whatever ends it into one line on standard error and an
exit code of :class:`~singer_kit.errors.ExitCode`. Logs are JSON lines on standard error.
Standard output belongs to Singer messages.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.logging import ConsoleFormatter, StructuredFormatter

from singer_kit.errors import ConfigError, ConnectorError, ExitCode

if TYPE_CHECKING:
    from singer_sdk.plugin_base import PluginBase


def run(plugin: type[PluginBase]) -> NoReturn:
    """Run ``plugin``'s command line and leave the process with a meaningful exit code."""
    sys.exit(_exit_code(plugin))


def _exit_code(plugin: type[PluginBase]) -> int:
    try:
        _invoke(plugin)
    except ConnectorError as error:
        _say(plugin, type(error).__name__, str(error))
        return error.exit_code
    except BrokenPipeError:
        # The reader went away: nobody is left to tell, and the interpreter must not try again
        # when it flushes on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.TARGET_WRITE
    except Exception as error:  # noqa: BLE001 - the last line before the user
        _say(plugin, type(error).__name__, f"unexpected: {error}", unforeseen=True)
        return ExitCode.UNEXPECTED
    return ExitCode.OK


def _invoke(plugin: type[PluginBase]) -> None:
    """Run the command line, with the faults of click and the SDK as errors of our own."""
    command = plugin.cli  # sets up the SDK's logging when it is asked for
    _log_as_json(plugin)
    try:
        # Outside of standalone mode click returns what the command gave to `ctx.exit`: 1 where
        # the SDK has told of wrong settings, 0 or None otherwise.
        if command(standalone_mode=False):
            raise ConfigError("wrong settings, see the lines above")
    except ConfigValidationError as error:
        raise ConfigError("; ".join([str(error), *error.errors])) from error
    except click.ClickException as error:
        raise ConfigError(error.format_message()) from error
    except SystemExit as leave:
        # click leaves like this, whatever the mode, when nobody reads our output any more.
        if leave.code == 1:
            raise BrokenPipeError from leave
        raise
    sys.stdout.flush()


def _log_as_json(plugin: type[PluginBase]) -> None:
    """Replace the SDK's console format; a format of the user's (`SINGER_SDK_LOG_CONFIG`) stays."""
    for handler in logging.getLogger().handlers:
        if type(handler.formatter) is ConsoleFormatter:
            handler.setFormatter(StructuredFormatter(defaults={"app_name": plugin.name}))


def _say(plugin: type[PluginBase], kind: str, message: str, *, unforeseen: bool = False) -> None:
    """Write one line as Meltano reads them; a trace only for what we did not foresee."""
    record = logging.LogRecord(
        name=plugin.name,
        level=logging.ERROR,
        pathname=__file__,
        lineno=0,
        msg=message,
        args=None,
        exc_info=sys.exc_info() if unforeseen else None,
    )
    record.error = kind
    line = StructuredFormatter(defaults={"app_name": plugin.name}).format(record)
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
