"""What is loaded: five feeds, each as Singer messages and as plain JSON lines.

The same seed and scale give the same bytes. Records come from the project's own generated corpus
and are valid for every loader; none of them holds what some loader is known to stumble over, so
that time is compared with time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import msgspec

from rap_model import Lyric, Play, corpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Record = dict[str, Any]

_SEED = 1
_LSN = 1_750_000_000_000_000
_STATE_EVERY = 10_000
_CHANGED_EVERY = 10
_VERSION = {"_sdc_lsn": {"type": "integer"}}


@dataclass(frozen=True)
class Stream:
    """One stream of a case: its name, its single key, and its JSON Schema."""

    name: str
    key: str
    schema: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One feed, in files that every loader reads from the start."""

    name: str
    title: str
    rows: int
    streams: list[Stream]
    messages: Path
    lines: dict[str, Path] = field(default_factory=dict)
    """The plain records of each stream, one JSON object a line."""
    after: str | None = None
    """The case that must have been loaded before this one."""


def make(scratch: Path, scale: float, wanted: set[str]) -> list[Case]:
    """Write the feeds that are wanted below ``scratch``; ``scale`` 1 is their full size."""
    lyrics = max(1_000, int(200_000 * scale))
    plays = max(1_000, int(1_000_000 * scale))
    rows = max(20, int(2_000 * scale))
    documents = max(500, int(50_000 * scale))
    makers: dict[str, tuple[str, int, Callable[[], Iterator[tuple[Stream, Record]]]]] = {
        "fresh": (f"{lyrics:,} lyrics, uuid key, fresh", lyrics, lambda: _lyrics(lyrics)),
        "again": (
            f"the {lyrics:,} again, {lyrics // _CHANGED_EVERY:,} of them changed",
            lyrics,
            lambda: _lyrics(lyrics, changed=True),
        ),
        "plays": (f"{plays:,} narrow plays", plays, lambda: _plays(plays)),
        "streams": (f"100 streams of {rows:,} plays", 100 * rows, lambda: _many(100, rows)),
        "documents": (
            f"{documents:,} wide jsonb documents",
            documents,
            lambda: _documents(documents),
        ),
    }
    if "again" in wanted:
        wanted = wanted | {"fresh"}
    return [
        _write(scratch, name, *maker, after="fresh" if name == "again" else None)
        for name, maker in makers.items()
        if name in wanted
    ]


def _lyrics(count: int, *, changed: bool = False) -> Iterator[tuple[Stream, Record]]:
    stream = _stream("lyrics", "lyric_id", Lyric.singer_schema())
    for number, document in enumerate(corpus.generate(count, _SEED).lyrics()):
        record = {**Lyric.read(document), "_sdc_lsn": _LSN}
        if changed and number % _CHANGED_EVERY == 0:
            record |= {"notes": f"Second thoughts, number {number}", "_sdc_lsn": _LSN + 1}
        yield stream, record


def _plays(count: int) -> Iterator[tuple[Stream, Record]]:
    stream = _stream("plays", "play_id", Play.singer_schema())
    for record in corpus.generate(-(-count // 10), _SEED).plays():
        yield stream, {**record, "_sdc_lsn": _LSN}


def _many(streams: int, rows: int) -> Iterator[tuple[Stream, Record]]:
    schema = Play.singer_schema()
    plays = corpus.generate(-(-streams * rows // 10), _SEED).plays()
    for number in range(streams):
        stream = _stream(f"plays_{number:03}", "play_id", schema)
        for _ in range(rows):
            yield stream, {**next(plays), "_sdc_lsn": _LSN}


def _documents(count: int) -> Iterator[tuple[Stream, Record]]:
    schema = {
        "type": "object",
        "properties": {"id": {"type": "string"}, "document": {"type": ["object", "null"]}},
    }
    stream = _stream("documents", "id", schema)
    feed = corpus.generate(count * 4, _SEED).lyrics()
    for number in range(count):
        tracks = [next(feed) for _ in range(4)]
        document = {"number": number, "rating": number / 7, "tracks": tracks}
        yield stream, {"id": f"album-{number:08}", "document": document, "_sdc_lsn": _LSN}


def _stream(name: str, key: str, schema: dict[str, Any]) -> Stream:
    return Stream(name, key, {**schema, "properties": {**schema["properties"], **_VERSION}})


def _write(
    scratch: Path,
    name: str,
    title: str,
    rows: int,
    records: Callable[[], Iterator[tuple[Stream, Record]]],
    *,
    after: str | None,
) -> Case:
    """Write one feed twice: as Singer messages, and as plain records for who reads no Singer."""
    case = Case(name, title, rows, [], scratch / f"{name}.singer", after=after)
    encode = msgspec.json.encode
    plain: IO[bytes] | None = None
    with case.messages.open("wb") as messages:
        for number, (stream, record) in enumerate(records(), 1):
            if stream.name not in case.lines:
                case.streams.append(stream)
                messages.write(_schema(stream))
                if plain is not None:
                    plain.close()
                path = case.lines[stream.name] = scratch / f"{name}.{stream.name}.jsonl"
                plain = path.open("wb")
                begin = b'{"type":"RECORD","stream":' + encode(stream.name) + b',"record":'
            line = encode(record)
            messages.write(begin + line + b"}\n")
            if plain is not None:
                plain.write(line + b"\n")
            if number % _STATE_EVERY == 0:
                messages.write(_state(number))
        messages.write(_state(rows))
    if plain is not None:
        plain.close()
    return case


def _schema(stream: Stream) -> bytes:
    message = {
        "type": "SCHEMA",
        "stream": stream.name,
        "schema": stream.schema,
        "key_properties": [stream.key],
    }
    return json.dumps(message).encode() + b"\n"


def _state(number: int) -> bytes:
    return json.dumps({"type": "STATE", "value": {"bookmarks": {"at": number}}}).encode() + b"\n"
