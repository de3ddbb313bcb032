"""Values as we encode them, beside the driver's own encoding of the same."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from cassandra.cqltypes import (
    Int32Type,
    ListType,
    LongType,
    SimpleDateType,
    TimestampType,
    UserType,
    UTF8Type,
    UUIDType,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from target_cassandra import values, wire
from target_cassandra.values import Unfit

if TYPE_CHECKING:
    from .conftest import Json

INT = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}
CREDIT = {
    "type": "object",
    "properties": {
        "role": {"type": "string"},
        "unknown to the type": {"type": "string"},
        "artist": {"type": "string", "format": "uuid"},
        "position": INT,
    },
}
SONG = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "first": CREDIT,
        "credits": {"type": "array", "items": CREDIT},
        "plays": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 2**60}},
        "at": {"type": "string", "format": "date-time"},
    },
}
FIELDS = {
    "credit": [("artist", "uuid"), ("role", "text"), ("position", "int"), ("since", "date")],
    "song": [
        ("credits", "frozen<list<frozen<credit>>>"),
        ("first", "frozen<credit>"),
        ("plays", "frozen<list<bigint>>"),
        ("title", "text"),
        ("at", "timestamp"),
    ],
}
DRIVERS = {"uuid": UUIDType, "text": UTF8Type, "int": Int32Type, "date": SimpleDateType}


def drivers(name: str, **types: Any) -> Any:
    """Return a user-defined type of the driver's."""
    return UserType.make_udt_class("k", name, tuple(types), tuple(types.values()))


DRIVERS_CREDIT = drivers("credit", **{name: DRIVERS[cql] for name, cql in FIELDS["credit"]})
DRIVERS_SONG = drivers(
    "song",
    credits=ListType.apply_parameters([DRIVERS_CREDIT]),
    first=DRIVERS_CREDIT,
    plays=ListType.apply_parameters([LongType]),
    title=UTF8Type,
    at=TimestampType,
)


def some(**fields: Any) -> st.SearchStrategy[Json]:
    """Return objects whose fields may be null or not there."""
    return st.fixed_dictionaries(
        {}, optional={name: st.none() | one for name, one in fields.items()}
    )


CREDITS = some(
    artist=st.uuids(),
    role=st.text(max_size=8),
    position=st.integers(-(2**31), 2**31 - 1),
    **{"unknown to the type": st.text(max_size=8)},
)
TIMES = st.datetimes(timezones=st.just(dt.UTC))
SONGS = some(
    title=st.text(max_size=8),
    first=CREDITS,
    credits=st.lists(CREDITS, max_size=2),
    plays=st.lists(st.integers(0, 2**60), max_size=2),
    # The driver rounds what is no whole millisecond towards 1970.
    at=TIMES.map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)),
)


def as_json(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)


def of_credit(credit: Json | None) -> tuple[Any, ...] | None:
    return None if credit is None else tuple(credit.get(name) for name, _ in FIELDS["credit"])


def of_song(song: Json) -> tuple[Any, ...]:
    """Return a song as the driver takes it: the fields of its type, in their order."""
    mine = song | {"first": of_credit(song.get("first"))}
    if song.get("credits") is not None:
        mine["credits"] = [of_credit(credit) for credit in song["credits"]]
    return tuple(mine.get(name) for name, _ in FIELDS["song"])


LIST = values.shape({"type": "array", "items": SONG})
ENCODE = values.encoder(LIST, "frozen<list<frozen<song>>>", FIELDS)
DECODER = msgspec.json.Decoder(LIST.decoded)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SONGS, max_size=3))
def test_objects_in_objects_are_as_the_driver_has_them(songs: list[Json]) -> None:
    assert ENCODE is not None
    ours = ENCODE(DECODER.decode(json.dumps(songs, default=as_json)))
    theirs = ListType.apply_parameters([DRIVERS_SONG]).to_binary(
        [of_song(song) for song in songs], wire.PROTOCOL
    )
    assert ours == values.wire(theirs)


def test_a_list_has_nothing_in_place_of_a_value() -> None:
    assert ENCODE is not None
    with pytest.raises(Unfit, match="has nothing at 1, where a list must have a value"):
        ENCODE(DECODER.decode("[{}, null]"))


@pytest.mark.parametrize("schema", [{"type": "object"}, {"type": "string"}, {}], ids=str)
def test_what_declares_no_properties_is_no_object_of_a_type(schema: Json) -> None:
    """It would be written as an object of nothing."""
    assert values.encoder(values.shape(schema), "frozen<credit>", FIELDS) is None
    array = values.shape({"type": "array", "items": schema})
    assert values.encoder(array, "frozen<list<frozen<credit>>>", FIELDS) is None
