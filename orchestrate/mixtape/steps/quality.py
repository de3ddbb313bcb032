"""The third step: what is odd about the files though each document keeps its contract.

Most of it is only written down, since a load carries it. An error is what would do harm once it is
loaded: the run ends before.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, LiteralString, NamedTuple

from psycopg import sql

from mixtape.pipeline import PipelineError
from mixtape.steps.messages import FILES, Message, messages
from mixtape.steps.tables import CHECKS
from mixtape.steps.tables import FILES as MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mixtape.steps.run import Run

CHANGED_AT = "updated_at"
"""Of two sources the later counts, so a time to come would count until then."""

_AHEAD = timedelta(days=1)
_FILE = "_sdc_source_file"
_EXTRA = "_sdc_extra"


class Check(NamedTuple):
    """What one check found."""

    name: str
    stream: str
    found: int
    looked_at: int
    example: str | None = None
    """Where one is: a file, or `file#line`; never what is in it."""
    is_error: bool = False


@dataclass
class _Stream:
    """What is remembered of one stream's records."""

    keys: list[str]
    references: dict[str, str]
    """Field → the stream that it names a record of."""
    records: int = 0
    key_file: dict[int, str] = field(default_factory=dict)
    found: Counter[str] = field(default_factory=Counter)
    example: dict[str, str] = field(default_factory=dict)
    named: dict[str, dict[Any, str]] = field(default_factory=dict)
    """Field → value → where it stands."""


def quality(run: Run) -> None:
    """Write what each check found.

    Raises:
        PipelineError: an error was found; the text names each, and where to look.
    """
    streams = _read(messages(run))
    checks = [*_of_files(run)]
    for name, stream in streams.items():
        checks += _of_records(name, stream)
        checks += _of_references(run, name, stream, streams)
    run.tables.replace(CHECKS, run.id, Check._fields, checks)
    run.summary |= {
        "checks": len(checks),
        "warnings": sum(bool(check.found) for check in checks if not check.is_error),
    }
    if errors := [check for check in checks if check.is_error and check.found]:
        said = "; ".join(
            f"{check.stream}: {check.found} of {check.looked_at} {check.name} ({check.example})"
            for check in errors
        )
        raise PipelineError(f"{said}; repair or remove these files, then run again")


def _read(found: Iterable[Message]) -> dict[str, _Stream]:
    streams: dict[str, _Stream] = {}
    latest = datetime.now(UTC) + _AHEAD
    for message in found:
        name = message.stream
        if name == FILES or message.is_rejected:
            continue
        if message.type == "SCHEMA":
            keys = [key for key in message.key_properties if not key.startswith("_sdc_")]
            streams.setdefault(name, _Stream(keys, {}))
            continue
        _see(streams[name], message.record, latest)
    # A stream with one key field is what other streams' fields of that name speak of.
    owners = {stream.keys[0]: name for name, stream in streams.items() if len(stream.keys) == 1}
    for name, stream in streams.items():
        stream.references = {
            each: owners[each] for each in stream.named if owners.get(each, name) != name
        }
    return streams


def _see(stream: _Stream, record: dict[str, Any], latest: datetime) -> None:
    stream.records += 1
    where = f"{record.get(_FILE)}#{record.get('_sdc_source_lineno')}"

    def note(name: str) -> None:
        stream.found[name] += 1
        stream.example.setdefault(name, where)

    if stream.keys:
        file = str(record.get(_FILE))
        key = hash(tuple(str(record.get(each)) for each in stream.keys))
        if stream.key_file.setdefault(key, file) != file:
            note("key_in_two_files")
    if record.get(_EXTRA):
        note("unknown_fields")
    changed = record.get(CHANGED_AT)
    if isinstance(changed, str) and datetime.fromisoformat(changed) > latest:
        note("changed_in_the_future")
    for name, value in record.items():
        if name.endswith("_id") and isinstance(value, str):
            stream.named.setdefault(name, {}).setdefault(value, where)


def _of_files(run: Run) -> Iterator[Check]:
    values = {"run": run.id}
    total = len(_rows(run, "select from {files} where run_id = %(run)s", values))
    for name, query in _FILE_CHECKS.items():
        found = _rows(run, query, values)
        yield Check(name, "", len(found), total, found[0][0] if found else None)


def _rows(run: Run, query: LiteralString, values: dict[str, Any]) -> list[Any]:
    return run.tables.select(query, values, files=MANIFEST)


_FILE_CHECKS: dict[str, LiteralString] = {
    "empty": "select key from {files} where run_id = %(run)s and size = 0 order by key",
    "without_a_document": (
        "select key from {files} where run_id = %(run)s and size > 0 and rows = 0 order by key"
    ),
    "same_content_twice": (
        "select key from (select key, row_number() over (partition by etag order by key) as nth"
        " from {files} where run_id = %(run)s and size > 0) as files where nth > 1 order by key"
    ),
}

_RECORD_CHECKS: dict[str, Callable[[_Stream], bool]] = {
    "key_in_two_files": lambda stream: bool(stream.keys),
    "unknown_fields": lambda _: True,
    "changed_in_the_future": lambda _: True,
}
_ERRORS = {"changed_in_the_future"}


def _of_records(name: str, stream: _Stream) -> Iterator[Check]:
    for check, applies in _RECORD_CHECKS.items():
        if applies(stream):
            found, example = stream.found[check], stream.example.get(check)
            yield Check(check, name, found, stream.records, example, check in _ERRORS)


def _of_references(
    run: Run, name: str, stream: _Stream, streams: dict[str, _Stream]
) -> Iterator[Check]:
    """Yield whether what a stream's records name is in these files or was loaded before."""
    for each, owner in stream.references.items():
        there = set(streams[owner].named.get(each, ()))
        asked = stream.named[each].keys() - there
        if asked and run.tables.exists(owner):
            there |= _loaded(run, owner, each, asked)
        missing = {
            value: where for value, where in stream.named[each].items() if value not in there
        }
        example = next(iter(missing.values()), None)
        yield Check(f"{each}_unknown", name, len(missing), len(stream.named[each]), example)


def _loaded(run: Run, owner: str, column: str, values: Iterable[str]) -> set[str]:
    """Return which of the values the owner's table has."""
    query = sql.SQL("select {column}::text from {table} where {column}::text = any (%s)").format(
        column=sql.Identifier(column), table=run.tables.named(owner)
    )
    return {value for (value,) in run.tables.database.execute(query, (list(values),))}
