"""A target's input, read in large pieces and told apart on raw bytes.

Neighbouring RECORD lines of one stream are handed on together, undecoded: they are known by how
they begin. Everything else is rare and decoded line by line.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
import select
import stat
import sys
from bisect import bisect_left
from collections import Counter
from typing import IO, TYPE_CHECKING, Any, Protocol

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerReader

from singer_kit import batch_files, places
from singer_kit.errors import BatchFileError, ContractExceededError, LineError, MessageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from singer_kit.shutdown import Shutdown

PIECE_BYTES = 256 * 1024
"""How much is read at once by default: what is made of it stays in a core's cache."""

_PIPE = 1024 * 1024
_TICK_SECONDS = 0.2
_RECORD = re.compile(rb'\{"type": ?"RECORD", ?"stream": ?"([^"\\\x00-\x1f]*)"')
_STEADY_OTHERS = 2
"""Messages other than records in a block, up to which the next may well have none."""

logger = logging.getLogger(__name__)

Waiting = dict[str, tuple[list[int], list[bytes]]]
"""RECORD lines of each stream, with their numbers."""


class Loader(Protocol):
    """What a target does with its input. A message that ends the load raises."""

    def schema(self, line: int, message: dict[str, Any]) -> None:
        """Take a SCHEMA, which was line ``line``."""

    def block(self, line: int, name: str, block: bytes) -> int:
        """Take RECORD lines of one stream, joined by line breaks; the first is line ``line``.

        Returns how many there were, or 0 if not all of them are valid records of this stream:
        then none is taken.
        """

    def records(self, name: str, lines: Sequence[bytes], numbers: Sequence[int]) -> None:
        """Take RECORD lines of one stream, each with its number in the input.

        Raises :class:`LineError`, having taken none, for a line that ends the load.
        """

    def state(self, line: int, message: dict[str, Any]) -> None:
        """Take a STATE: it holds once everything before it is durable."""

    def activate_version(self, line: int, message: dict[str, Any]) -> None:
        """Take an ACTIVATE_VERSION."""

    def tick(self) -> None:
        """Do what is due, also while no input comes."""

    def finish(self, *, is_whole: bool) -> None:
        """Make durable what is left; ``is_whole`` says that the input was read to its end."""

    def close(self) -> None:
        """Leave the store, whatever state the load is in."""


class _Header(msgspec.Struct):
    type: str
    stream: str | None = None


class _StoppedError(Exception):
    """A signal came in the middle of what one message names."""


class MessageReader(GenericSingerReader[bytes]):
    """Feeds a loader until the input ends or somebody asks to stop.

    ``piece_bytes`` are read at once: the less, the more often a loader is called.
    """

    def __init__(
        self, shutdown: Shutdown, loader: Callable[[], Loader], piece_bytes: int = PIECE_BYTES
    ) -> None:
        super().__init__()
        self._piece_bytes = piece_bytes
        self._shutdown = shutdown
        self._make_loader = loader
        self._header = msgspec.json.Decoder(_Header)
        self._prefix: bytes | None = None
        self._name = ""
        self._is_steady = False

    @property
    def default_input(self) -> IO[bytes]:
        """Standard in, as bytes."""
        return sys.stdin.buffer

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """Decode one message; raises what msgspec raises."""
        return msgspec.json.decode(line, type=dict[str, Any])

    def process_lines(
        self,
        file_input: IO[bytes] | IO[str] | None,
        callbacks: dict[str, Callable[[dict[str, Any]], None]],  # noqa: ARG002 - the SDK's sinks
    ) -> Counter[str]:
        """Read all messages; returns how many there were of each type.

        When a message ends the load, or a signal does, what came before is committed first. A
        signal leaves the process with 128 + its number: the input has not been read to its end.
        """
        loader = self._make_loader()
        counts: Counter[str] = Counter()
        number = 0
        try:
            for block in _blocks(file_input or self.default_input, self._piece_bytes):
                if self._shutdown.requested:
                    break
                if block is not None:
                    number += self._feed(loader, block, number, counts)
                loader.tick()
        except _StoppedError:
            logger.info("stopping in the middle of a BATCH message")
        except ContractExceededError:
            loader.finish(is_whole=False)
            raise
        except BaseException:
            loader.close()
            raise
        if self._shutdown.signal is not None:
            loader.finish(is_whole=False)
            raise SystemExit(128 + self._shutdown.signal)
        return counts

    def _feed(self, loader: Loader, block: bytes, before: int, counts: Counter[str]) -> int:
        """Hand on lines, the first of which is line ``before`` + 1; returns how many they are.

        Where one stream has filled a whole block, the next is tried undivided. Elsewhere each
        stream's records go on together up to the next message of another kind: streams that
        take turns line by line cost no more than others.
        """
        if (
            self._is_steady
            and self._prefix is not None
            and block.startswith(self._prefix)
            and (taken := loader.block(before + 1, self._name, block))
        ):
            counts["RECORD"] += taken
            return taken
        lines = block.split(b"\n")
        waiting: Waiting = {}
        others = 0
        try:
            for number, line in enumerate(lines, before + 1):
                if self._prefix is None or not line.startswith(self._prefix):
                    kind = self._begin(line, number)
                    if kind != "RECORD":
                        others += 1
                        _hand_over(loader, waiting, counts)
                        if kind:
                            self._handle(loader, kind, line, number)
                            counts[kind] += 1
                        continue
                numbers, records = waiting.setdefault(self._name, ([], []))
                numbers.append(number)
                records.append(line)
        finally:
            self._is_steady = len(waiting) == 1 and others <= _STEADY_OTHERS
            _hand_over(loader, waiting, counts)
        return len(lines)

    def _begin(self, line: bytes, number: int) -> str:
        """Return the type of a message, empty for a blank line; remembers a record's stream."""
        if self._prefix is not None and line.startswith(self._prefix):
            return "RECORD"
        if found := _RECORD.match(line):
            self._prefix = found[0]
            self._name = found[1].decode(errors="replace")
            return "RECORD"
        if not line.strip():
            return ""
        try:
            header = self._header.decode(line)
        except msgspec.ValidationError:
            raise MessageError(number, "is no Singer message: it has no type") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MessageError(number, f"is not JSON: {error}") from None
        if header.type == "RECORD":
            self._prefix, self._name = None, header.stream or ""
        return header.type

    def _handle(self, loader: Loader, kind: str, line: bytes, number: int) -> None:
        if kind == "BATCH":
            self._load_files(loader, line, number)
            return
        take = {
            "SCHEMA": loader.schema,
            "STATE": loader.state,
            "ACTIVATE_VERSION": loader.activate_version,
        }.get(kind)
        if take is None:
            raise MessageError(number, f"is a {kind} message, which this target does not take")
        try:
            message = self.deserialize_json(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MessageError(number, f"is not JSON: {error}") from None
        take(number, message)

    def _load_files(self, loader: Loader, line: bytes, number: int) -> None:
        """Take all records of the files that a BATCH message names.

        Raises :class:`_StoppedError` when asked to stop: a STATE behind the message would speak
        for all of its files.
        """
        try:
            message = msgspec.json.decode(line, type=batch_files.Batch)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MessageError(number, f"is no BATCH message: {error}") from None
        before = 0
        for url in message.manifest:
            start = before
            for block in batch_files.blocks(message, number, url):
                if self._shutdown.requested:
                    raise _StoppedError
                first = places.in_files(number, before + 1)
                try:
                    before += _take_block(loader, message.stream, block, first)
                except MessageError as error:
                    at = error.line - places.in_files(number, start)
                    raise BatchFileError(number, url, f"whose record {at} {error.what}") from None


def _take_block(loader: Loader, name: str, block: bytes, first: int) -> int:
    """Give the loader RECORD lines, those before the first that ends the load at least."""
    if taken := loader.block(first, name, block):
        return taken
    lines = block.split(b"\n")
    numbers = list(range(first, first + len(lines)))
    _hand_over(loader, {name: (numbers, lines)}, Counter())
    return len(lines)


def schema_of(line: int, message: Mapping[str, Any]) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """Return the stream, the JSON Schema and the key of a SCHEMA message.

    Raises:
        MessageError: it lacks one of them, or its key is none.
    """
    name, schema = message.get("stream"), message.get("schema")
    keys = message.get("key_properties") or []
    if not isinstance(name, str) or not isinstance(schema, dict):
        raise MessageError(line, "is a SCHEMA message without a stream or a schema")
    properties = schema.get("properties")
    if not isinstance(properties, dict) or not properties:
        raise MessageError(line, f"is a SCHEMA of stream {name!r} without properties")
    if not isinstance(keys, list) or len(set(map(str, keys))) < len(keys):
        raise MessageError(line, f"is a SCHEMA of stream {name!r} whose key is not a list of names")
    if missing := [key for key in keys if str(key) not in properties]:
        raise MessageError(
            line, f"is a SCHEMA of stream {name!r} whose key {missing[0]!r} is no property"
        )
    return name, schema, tuple(map(str, keys))


def _hand_over(loader: Loader, waiting: Waiting, counts: Counter[str]) -> None:
    """Give the loader all records that wait, those of each stream at once.

    Where a line ends the load, those before it are given, of its own stream and of the others.
    """
    ended: LineError | None = None
    while waiting:
        name = next(iter(waiting))
        numbers, lines = waiting.pop(name)
        if ended is not None:
            before = bisect_left(numbers, ended.line)
            numbers, lines = numbers[:before], lines[:before]
        if not lines:
            continue
        try:
            loader.records(name, lines, numbers)
        except LineError as error:
            ended = error
            waiting[name] = numbers, lines
            continue
        counts["RECORD"] += len(lines)
    if ended is not None:
        raise ended


def lines_in(block: bytes) -> int:
    """Return how many lines a block joins.

    Bytes that are counted are looked at one by one, those that are replaced many at once.
    """
    return len(block) - len(block.replace(b"\n", b"")) + 1


def _blocks(source: IO[bytes] | IO[str], piece_bytes: int) -> Iterator[bytes | None]:
    """Yield whole lines, joined by line breaks; None now and then while nothing comes."""
    tail: list[bytes] = []
    for piece in _pieces(source, piece_bytes):
        cut = piece.rfind(b"\n")
        if cut < 0:
            tail.append(piece)
            if not piece:
                yield None
            continue
        yield b"".join([*tail, piece[:cut]])
        tail = [piece[cut + 1 :]]
    if last := b"".join(tail):
        yield last


def _pieces(source: IO[bytes] | IO[str], size: int) -> Iterator[bytes]:
    """Yield the input as it comes; an empty piece for every fraction of a second without any."""
    source = getattr(source, "buffer", source)
    try:
        descriptor = source.fileno()
    except OSError:
        while piece := source.read(size):
            yield piece.encode() if isinstance(piece, str) else piece
        return
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        with contextlib.suppress(OSError):
            # A pipe of 64 KiB would make tap and target take turns.
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE)
    while True:
        ready, _, _ = select.select([descriptor], [], [], _TICK_SECONDS)
        if not ready:
            yield b""
            continue
        piece = os.read(descriptor, size)
        if not piece:
            return
        yield piece
