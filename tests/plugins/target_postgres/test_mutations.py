"""Files of messages with something wrong in them: one clear line to the user, no wrong row.

A file is made of good messages and then damaged in one to four places. Whatever was done to it,
each row of the tables must be what an independent reader finds in some line of that file, and all
rows of lines that were left alone must be there, up to the line that ended the load.
"""

from __future__ import annotations

import json
import random
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from singer_kit.errors import ConnectorError, ExitCode

from .conftest import Json, Result, Warehouse, lines, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COLUMNS: Json = {
    "id": {"type": "integer"},
    "v": {"type": "string"},
    "n": {"type": ["number", "null"]},
    "at": {"type": ["string", "null"], "format": "date-time"},
    "doc": {
        "type": ["object", "null"],
        "properties": {"id": {"type": "integer"}, "tags": {"type": "array"}},
    },
    "_sdc_lsn": {"type": "integer"},
}
STREAMS = ("t", "u")
HEAD = [schema(name, COLUMNS) for name in STREAMS]
RECORDS = 40
ENDS = re.compile(r"^(stream .*, )?line (\d+) of the messages")
REFUSED = re.compile(r"\([0-9A-Z]{5}\)")
"""In an error: PostgreSQL refused the row, with this SQLSTATE, and with it its batch."""

ODD_VALUES = [
    "null",
    "true",
    "1.5",
    "-0",
    '"text"',
    "[]",
    "{}",
    "1" * 400,
    "1e999",
    "-1e-999",
    "0." + "1" * 300,
    "NaN",
    "-Infinity",
    "01",
    "+1",
    "1.",
    "0x10",
    "'single'",
    "[" * 300 + "]" * 300,
    "[" * 100_000 + "]" * 100_000,
    '{"a":' * 5_000 + "1" + "}" * 5_000,
    r'"\ud800"',
    r'"\u0000"',
    r'"\x41"',
    '"' + "x" * 100_000 + '"',
    '"infinity"',
    '"0000-00-00T00:00:00Z"',
    '"2024-02-30T00:00:00Z"',
    '{"id": "text"}',
    '{"id": 1, "id": "text"}',
    '{"tags": 5}',
]
ODD_MEMBERS: list[Json] = [
    {"type": "record"},
    {"type": None},
    {"type": 5},
    {"type": "BATCH"},
    {"stream": None},
    {"stream": ["t"]},
    {"stream": "nowhere"},
    {"stream": "t\0"},
    {"record": None},
    {"record": [1]},
    {"record": {}},
    {"schema": []},
    {"schema": {"properties": []}},
    {"schema": {"properties": {"id": 5}}},
    {"schema": {"properties": {"id": {"type": [{}]}}}},
    {"schema": {"properties": {"id": {"type": 5}}}},
    {"schema": {"properties": {"id": {"type": "string", "format": []}}}},
    {"schema": {"properties": {"id": {"type": "integer"}, "d": {"type": "array", "items": 5}}}},
    {"schema": {"properties": {"id": {"anyOf": [5]}}}},
    {"schema": {"properties": {"id": {"type": "integer"}, "": {"type": "string"}}}},
    {"schema": {"properties": {"id": {"type": "integer"}, "x" * 90: {"type": "string"}}}},
    {"key_properties": 5},
    {"key_properties": [["id"]]},
    {"key_properties": "id"},
    {"key_properties": ["id", "id"]},
    {"key_properties": {"id": 1}},
    {"value": 5},
    {"value": None},
    {"value": {"bookmarks": 10**40}},
    {"value": {"bookmarks": {"t": [None]}}},
    {"version": 10**30},
    {"version": True},
    {"version": "1"},
    {"time_extracted": 5},
    {"time_extracted": "yesterday"},
]


def good(n: int) -> Json:
    """Return the record of number ``n``: all its values follow from it."""
    fields = {
        "id": n // 2,
        "v": f'value {n}\n"é"\\',
        "n": n + 0.5,
        "at": f"2024-05-01T00:00:{n:02}+00:00",
        "doc": {"id": n, "tags": [n, "a\tb"]},
    }
    return record(STREAMS[n % 2], **fields, _sdc_lsn=n) | {"version": 1}


def file_of_messages() -> list[bytes]:
    found = list(HEAD)
    for n in range(RECORDS):
        found.append(good(n))
        if n % 10 == 9:
            found += [state(t=n, u=n), {"type": "ACTIVATE_VERSION", "stream": "t", "version": 1}]
    return lines(found).splitlines()


def insert(what: bytes) -> Callable[[random.Random, bytes], bytes]:
    def change(dice: random.Random, line: bytes) -> bytes:
        at = dice.randrange(len(line) + 1)
        return line[:at] + what + line[at:]

    return change


def cut(dice: random.Random, line: bytes) -> bytes:
    return line[: dice.randrange(len(line) + 1)]


def drop_byte(dice: random.Random, line: bytes) -> bytes:
    at = dice.randrange(len(line) + 1)
    return line[:at] + line[at + 1 :]


def odd_value(dice: random.Random, line: bytes) -> bytes:
    """Give one property of a record a value it must not or can hardly have."""
    message = json.loads(line)
    if not isinstance(message, dict) or not isinstance(message.get("record"), dict):
        return line
    fields = message["record"]
    name = dice.choice(list(fields) or ["id"])
    mark = '"<odd>"'
    fields[name] = json.loads(mark)
    return json.dumps(message).replace(mark, dice.choice(ODD_VALUES)).encode()


def odd_member(dice: random.Random, line: bytes) -> bytes:
    message = json.loads(line)
    return json.dumps(message | dice.choice(ODD_MEMBERS)).encode()


def drop_member(dice: random.Random, line: bytes) -> bytes:
    message = json.loads(line)
    inside = message.get("record") or message
    inside.pop(dice.choice(list(inside)))
    return json.dumps(message).encode()


def repeat_key(dice: random.Random, line: bytes) -> bytes:
    """Say one property twice: the last one counts, as everywhere."""
    return line.replace(b'"v": ', b'"v": "said before", "v": ').replace(
        b'"stream": ', b'"stream": "nowhere", "stream": ' if dice.random() < 0.2 else b'"stream": '
    )


DAMAGE: list[Callable[[random.Random, bytes], bytes]] = [
    cut,
    drop_byte,
    insert(b"\xff"),
    insert(b'"'),
    insert(b"\x00"),
    insert(b","),
    insert(b"\t"),
    insert(b"\r"),
    odd_value,
    odd_value,
    odd_value,
    odd_member,
    odd_member,
    drop_member,
    repeat_key,
    lambda _, line: line + line,
    lambda *_: b"",
]


def damaged(seed: int) -> tuple[list[bytes], set[int]]:
    """Return a file's lines and the indexes of those that are no longer what they were."""
    dice = random.Random(seed)
    file = file_of_messages()
    before = list(file)
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(file))
        kind = dice.random()
        if kind < 0.1:
            other = dice.randrange(len(file))
            file[place], file[other] = file[other], file[place]
        elif kind < 0.2:
            file[place] = dice.choice(file)
        elif kind < 0.25:
            del file[place + 1 :]
        else:
            try:
                file[place] = dice.choice(DAMAGE)(dice, file[place])
            except (ValueError, AttributeError, IndexError, RecursionError):
                continue  # it is too damaged already for this kind of damage
    return file, {n for n, (line, old) in enumerate(zip(file, before, strict=False)) if line != old}


def claims(file: list[bytes]) -> dict[tuple[str, int], list[Json]]:
    """Return what each line says of each stream and key, in the words of Python's own reader."""
    found: dict[tuple[str, int], list[Json]] = {}
    for line in file:
        try:
            # What the database cannot hold is replaced, or the record is rejected.
            message = json.loads(
                line.decode(errors="replace").replace("\0", "\ufffd"),
                parse_float=Decimal,
                parse_constant=Decimal,
            )
        except (ValueError, RecursionError):
            continue
        fields = message.get("record") if isinstance(message, dict) else None
        if isinstance(fields, dict) and isinstance(fields.get("id"), int | Decimal):
            found.setdefault((str(message.get("stream")), int(fields["id"])), []).append(fields)
    return found


def check(warehouse: Warehouse, file: list[bytes], changed: set[int], result: Result) -> None:
    said = claims(file)
    latest: dict[tuple[str, int], int] = {}
    for name in STREAMS:
        if not warehouse.value(f"select to_regclass('raw.{name}') is not null"):
            continue
        for row in warehouse.rows(name):
            values = said[name, row["id"]]
            latest[name, row["id"]] = row.get("_sdc_lsn") or 0
            for column in ("v", "n", "doc", "_sdc_lsn"):
                if row.get(column) is not None:
                    assert any(same(row[column], one.get(column)) for one in values), column
    end = len(file)
    if result.error is not None:
        where = ENDS.match(str(result.error))
        end = int(where[2]) - 1 if where and not REFUSED.search(str(result.error)) else 0
    if any(n in changed for n in range(len(HEAD))):
        return
    for n, line in enumerate(file[:end]):
        message = json.loads(line) if n not in changed else {}
        if message.get("type") == "RECORD":
            fields = message["record"]
            found = latest.get((message["stream"], fields["id"]), -1)
            assert found >= fields["_sdc_lsn"], f"line {n + 1} is lost"


def same(stored: Any, said: Any) -> bool:
    if isinstance(said, str):
        text = re.sub("[\ud800-\udfff\0]", "\ufffd", said)
        return bool(stored == text)
    if isinstance(said, bool) or said is None:
        return stored is said
    return bool(stored == said or str(stored) == str(said))


def check_error(error: ConnectorError | str) -> None:
    """One line that says where, and quotes no text of a record."""
    text = str(error)
    assert "\n" not in text
    assert "value " not in text
    assert len(text) < 600, text
    assert ENDS.match(text) or text.startswith("stream "), text


def play(warehouse: Warehouse, seed: int) -> None:
    play_file(warehouse, *damaged(seed), seed)


def play_file(warehouse: Warehouse, file: list[bytes], changed: set[int], seed: int) -> None:
    on_invalid_record = ["fail", "quarantine", "skip"][seed % 3]
    result = warehouse.load(
        *file, on_invalid_record=on_invalid_record, batch_size_rows=seed % 7 + 1
    )
    if result.error is not None:
        check_error(result.error)
    check(warehouse, file, changed, result)
    warehouse.execute("drop schema if exists raw cascade")


def play_as_process(warehouse: Warehouse, folder: Path, seed: int) -> None:
    file, changed = damaged(seed)
    result = warehouse.run(folder, b"\n".join(file), on_invalid_record="quarantine")
    assert "Traceback" not in result.log
    assert result.exit_code in (ExitCode.OK, ExitCode.CONTRACT_EXCEEDED, ExitCode.TARGET_WRITE)
    for line in result.log.splitlines():
        assert json.loads(line)["message"]
    if result.exit_code:
        check_error(result.last_line["message"])
        result.error = ConnectorError(result.last_line["message"])
    check(warehouse, file, changed, result)
    warehouse.execute("drop schema if exists raw cascade")


@pytest.mark.parametrize("place", [0, 2, 12, 13], ids=["schema", "record", "state", "activation"])
def test_any_member_of_a_message_may_be_odd(warehouse: Warehouse, place: int) -> None:
    for number, odd in enumerate(ODD_MEMBERS):
        file = file_of_messages()
        file[place] = json.dumps(json.loads(file[place]) | odd).encode()
        play_file(warehouse, file, {place}, number)


def test_a_damaged_file_brings_no_wrong_row(warehouse: Warehouse) -> None:
    for seed in range(100):
        play(warehouse, seed)


def test_a_damaged_file_is_one_clear_line_to_the_user(warehouse: Warehouse, tmp_path: Path) -> None:
    for seed in range(100, 104):
        play_as_process(warehouse, tmp_path, seed)


@pytest.mark.long
@pytest.mark.parametrize("hundred", range(10, 20))
def test_1000_damaged_files_bring_no_wrong_row(warehouse: Warehouse, hundred: int) -> None:
    for seed in range(hundred * 100, hundred * 100 + 100):
        play(warehouse, seed)


@pytest.mark.long
def test_100_damaged_files_are_one_clear_line_each(warehouse: Warehouse, tmp_path: Path) -> None:
    for seed in range(5_000, 5_100):
        play_as_process(warehouse, tmp_path, seed)
