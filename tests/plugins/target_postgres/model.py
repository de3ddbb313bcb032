"""What a table must hold: a target in memory that says its rules in the fewest words.

Beside it are the strategies that draw what is sent: streams of any shape, and feeds of events
for them. A feed's events come in the source's order; a *full* feed has whole rows only, one for
each key and version, so that nothing depends on the order in which they arrive.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from .conftest import Json, record, schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .conftest import Warehouse

DELETED = "2024-05-01T00:00:00+00:00"
LSN = {"_sdc_lsn": {"type": ["integer", "null"]}}

# NUL and halves of surrogate pairs are cleaned on the way: test_values.py holds that.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
NESTED = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | TEXT,
    lambda inside: (
        st.lists(inside, max_size=3) | st.dictionaries(TEXT.filter(bool), inside, max_size=3)
    ),
    max_leaves=5,
)

KINDS: dict[str, tuple[Json, st.SearchStrategy[Any]]] = {
    "text": ({"type": "string"}, TEXT | st.sampled_from(["null", "\\N", "\\.", "\t\n\r\\", ""])),
    "integer": ({"type": "integer"}, INTEGERS),
    "small": ({"type": "integer", "minimum": -5, "maximum": 9}, st.integers(-5, 9)),
    "number": ({"type": "number"}, st.integers(-(10**15), 10**15).map(lambda n: n / 1024)),
    "boolean": ({"type": "boolean"}, st.booleans()),
    "date": ({"type": "string", "format": "date"}, st.dates().map(str)),
    "time": (
        {"type": "string", "format": "date-time"},
        st.datetimes(timezones=st.just(dt.UTC)).map(dt.datetime.isoformat),
    ),
    "uuid": ({"type": "string", "format": "uuid"}, st.uuids().map(str)),
    "array": ({"type": "array"}, st.lists(NESTED, max_size=3)),
    "object": ({"type": "object"}, st.dictionaries(TEXT.filter(bool), NESTED, max_size=3)),
    "anything": ({}, NESTED),
}
KEY_KINDS = {
    "integer": st.integers(0, 4),
    "text": st.sampled_from(["", "a", "A", "a\tb", "null", "ü"]),
    "uuid": st.sampled_from([str(uuid.UUID(int=n)) for n in range(4)]),
}
NAMES = ["a", "A", "b c", "select", 'say "c"', "ünï", "d\\e", "_e"]


@dataclass(frozen=True)
class Shape:
    """A stream's columns by name, each with the kind of its values."""

    keys: dict[str, str]
    others: dict[str, str]
    late: frozenset[str]
    """Columns that the SCHEMA names from the middle of the feed on only."""
    has_lsn: bool

    def schema(self, *, late: bool) -> Json:
        properties: Json = {name: KINDS[kind][0] for name, kind in self.keys.items()}
        for name, kind in self.others.items():
            if late or name not in self.late:
                properties[name] = nullable(KINDS[kind][0])
        return schema("t", properties | (LSN if self.has_lsn else {}), keys=self.keys)


def nullable(shape: Json) -> Json:
    return {**shape, "type": [shape["type"], "null"]} if "type" in shape else shape


@dataclass(frozen=True)
class Event:
    """One record: an upsert or a delete of a key, with the properties that it has."""

    key: tuple[Any, ...]
    lsn: int | None
    fields: Json = field(hash=False)
    is_delete: bool = False

    def message(self, shape: Shape) -> Json:
        extra: Json = {"_sdc_lsn": self.lsn} if shape.has_lsn else {}
        if self.is_delete:
            extra["_sdc_deleted_at"] = DELETED
        return record("t", **dict(zip(shape.keys, self.key, strict=True)), **self.fields, **extra)


@dataclass
class Table:
    """Rows by key, each the version that it has, its fields, and whether it is deleted."""

    mode: str
    rows: dict[tuple[Any, ...], tuple[int | None, Json, bool]] = field(default_factory=dict)
    removed: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def apply(self, events: Iterable[Event]) -> Table:
        """Apply events one after another."""
        for event in events:
            if event.is_delete and self.mode == "ignore":
                continue
            if not self._is_stale(event):
                self._write(event)
        return self

    def _is_stale(self, event: Event) -> bool:
        stored = self.rows[event.key][0] if event.key in self.rows else self.removed.get(event.key)
        return stored is not None and (event.lsn is None or event.lsn < stored)

    def _write(self, event: Event) -> None:
        if event.is_delete and self.mode == "hard":
            self.rows.pop(event.key, None)
            if event.lsn is not None:
                self.removed[event.key] = event.lsn
            return
        before = self.rows[event.key][1] if event.key in self.rows else {}
        self.rows[event.key] = (event.lsn, before | event.fields, event.is_delete)

    def expected(self, shape: Shape) -> list[tuple[Any, ...]]:
        return sorted(
            (
                (
                    *(
                        stored(shape.keys[name], one)
                        for name, one in zip(shape.keys, key, strict=True)
                    ),
                    *(stored(kind, fields.get(name)) for name, kind in shape.others.items()),
                    lsn,
                    is_deleted,
                )
                for key, (lsn, fields, is_deleted) in self.rows.items()
            ),
            key=repr,
        )


def stored(kind: str, value: Any) -> Any:
    """Return a JSON value as it comes back from a column of this kind."""
    if value is None:
        return None
    match kind:
        case "number":
            return Decimal(json.dumps(value))
        case "date":
            return dt.date.fromisoformat(value)
        case "time":
            return dt.datetime.fromisoformat(value)
        case "uuid":
            return uuid.UUID(value)
    return value


def held(warehouse: Warehouse, shape: Shape) -> list[tuple[Any, ...]]:
    """Return what the table holds, in the form of :meth:`Table.expected`."""
    names = [*shape.keys, *shape.others, *(["_sdc_lsn"] if shape.has_lsn else [])]
    columns = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
    rows = warehouse.rows("t", f"{columns}, _sdc_deleted_at is not null as deleted")
    found = [tuple(one.values()) for one in rows]
    if not shape.has_lsn:
        found = [(*one[:-1], None, one[-1]) for one in found]
    return sorted(found, key=repr)


@st.composite
def shapes(draw: st.DrawFn, *, has_lsn: bool | None = None) -> Shape:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=6, unique=True))
    cut = draw(st.integers(1, min(2, len(names) - 1)))
    others = {name: draw(st.sampled_from(sorted(KINDS))) for name in names[cut:]}
    return Shape(
        keys={name: draw(st.sampled_from(sorted(KEY_KINDS))) for name in names[:cut]},
        others=others,
        late=frozenset(draw(st.sets(st.sampled_from(sorted(others)), max_size=2))),
        has_lsn=draw(st.booleans()) if has_lsn is None else has_lsn,
    )


@st.composite
def feeds(draw: st.DrawFn, shape: Shape, *, full: bool) -> list[Event]:
    """Draw a feed in its source's order: versions never go back."""
    keys = draw(
        st.lists(
            st.tuples(*(KEY_KINDS[kind] for kind in shape.keys.values())), min_size=1, max_size=4
        )
    )
    events = []
    lsn = 1
    for _ in range(draw(st.integers(1, 20))):
        lsn += draw(st.integers(1 if full else 0, 2))
        fields = {
            name: draw(st.none() | KINDS[kind][1])
            for name, kind in shape.others.items()
            if full or draw(st.booleans())
        }
        key = draw(st.sampled_from(keys))
        is_delete = draw(st.integers(0, 3)) == 0
        events.append(Event(key, lsn if shape.has_lsn else None, fields, is_delete))
    return events
