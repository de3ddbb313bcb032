"""The fourth step: what is in the files, in numbers: rows to watch over time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from mixtape.steps.messages import FILES, messages
from mixtape.steps.tables import INSIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mixtape.steps.run import Run

MOST_DISTINCT = 100_000
"""Distinct values are counted up to here."""


class Insight(NamedTuple):
    """One number (or moment) about a stream, or about one of its fields."""

    stream: str
    field: str
    metric: str
    number: float | None = None
    moment: datetime | None = None


@dataclass
class _Field:
    """What is counted of one field; no value of it is kept but times and numbers."""

    values: int = 0
    distinct: set[int] = field(default_factory=set)
    characters: int = 0
    texts: int = 0
    longest: int = 0
    numbers: tuple[float, float] | None = None
    moments: tuple[datetime, datetime] | None = None

    def see(self, value: Any, *, is_moment: bool) -> None:
        """Count one value that is not null."""
        self.values += 1
        if len(self.distinct) <= MOST_DISTINCT:
            self.distinct.add(hash(str(value)))
        if isinstance(value, str):
            if is_moment:
                moment = datetime.fromisoformat(value)
                low, high = self.moments or (moment, moment)
                self.moments = (min(low, moment), max(high, moment))
            else:
                self.texts += 1
                self.characters += len(value)
                self.longest = max(self.longest, len(value))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            least, most = self.numbers or (value, value)
            self.numbers = (min(least, value), max(most, value))


def insights(run: Run) -> None:
    """Write the numbers of each stream and field; lyrics and names stay where they are."""
    records: dict[str, int] = defaultdict(int)
    fields: dict[str, dict[str, _Field]] = {}
    moments: dict[str, set[str]] = {}
    uninteresting = {FILES}
    for message in messages(run):
        if message.is_rejected:
            uninteresting.add(message.stream)
        if message.type == "SCHEMA":
            properties = {
                name: schema
                for name, schema in message.schema.get("properties", {}).items()
                if not name.startswith("_sdc_")
            }
            fields.setdefault(message.stream, {name: _Field() for name in properties})
            moments[message.stream] = {
                name for name, schema in properties.items() if schema.get("format") == "date-time"
            }
            continue
        records[message.stream] += 1
        known = fields[message.stream]
        for name, value in message.record.items():
            if value is not None and name in known:
                known[name].see(value, is_moment=name in moments[message.stream])
    rows = [
        *(Insight(stream, "", "records", records[stream]) for stream in fields),
        *(
            insight
            for stream, found in fields.items()
            if stream not in uninteresting
            for name, one in found.items()
            for insight in _of_field(stream, name, one, records[stream])
        ),
    ]
    run.tables.replace(INSIGHTS, run.id, Insight._fields, rows)
    run.summary |= {"records": dict(records), "insights": len(rows)}


def _of_field(stream: str, name: str, found: _Field, records: int) -> Iterator[Insight]:
    if not records:
        return
    yield Insight(stream, name, "nulls", records - found.values)
    yield Insight(stream, name, "distinct", min(len(found.distinct), MOST_DISTINCT))
    if found.texts:
        yield Insight(stream, name, "mean_length", found.characters / found.texts)
        yield Insight(stream, name, "longest", found.longest)
    if found.numbers:
        yield Insight(stream, name, "least", found.numbers[0])
        yield Insight(stream, name, "most", found.numbers[1])
    if found.moments:
        yield Insight(stream, name, "first", moment=found.moments[0])
        yield Insight(stream, name, "last", moment=found.moments[1])
