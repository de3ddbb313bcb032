"""Feeds as they must not be: each goes wrong for the length of a block and is mended after it."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from rap_model import Play
from rap_model.identity import derive_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from transform.growing import Growing

    Breakage = Callable[[Growing], AbstractContextManager[object]]

A_DAY = date(2026, 10, 20)
"""The newest day of the plays that `half_a_day_missing` adds."""
_PLAYS_A_DAY = 10


@contextmanager
def missing_key(growing: Growing) -> Iterator[None]:
    """A play comes without its id."""
    with _spoilt(growing, "plays", play_id=None):
        yield


@contextmanager
def wrong_enum(growing: Growing) -> Iterator[None]:
    """A registration has a status that there is not."""
    with _spoilt(growing, "registrations", status="lost"):
        yield


@contextmanager
def stale_files(growing: Growing) -> Iterator[None]:
    """No load of files has finished for a day."""
    growing.files.age_loads(timedelta(days=1))
    try:
        yield
    finally:
        growing.files.finish_load()


@contextmanager
def rows_lost(growing: Growing) -> Iterator[None]:
    """Rows of a file are gone that its load had counted; a play is news to build for."""
    key = next(name for name in sorted(growing.files.files) if name.startswith("lyrics/"))
    growing.files.lose(key)
    with growing.feed.load() as load:
        growing.application.play(load)
    try:
        yield
    finally:
        growing.files.put(key, *growing.files.files[key].documents)
        growing.files.finish_load()


@contextmanager
def half_a_day_missing(growing: Growing) -> Iterator[None]:
    """Of the last whole day's plays only some came; the days before had as many each."""
    with growing.feed.load() as load:
        for back in range(9):
            day = A_DAY - timedelta(days=back)
            for number in range(4 if back == 1 else _PLAYS_A_DAY):
                at = datetime(day.year, day.month, day.day, number, tzinfo=UTC)
                load.put("plays", _play(at))
    try:
        yield
    finally:
        day = A_DAY - timedelta(days=1)
        with growing.feed.load() as load:
            for number in range(4, _PLAYS_A_DAY):
                load.put("plays", _play(datetime(day.year, day.month, day.day, number, tzinfo=UTC)))


@contextmanager
def duplicated_file(growing: Growing) -> Iterator[None]:
    """A file is there under two names."""
    key = next(name for name in sorted(growing.files.files) if name.startswith("lyrics/"))
    growing.files.put(f"{key}.copy.yaml", *growing.files.files[key].documents)
    growing.files.finish_load()
    try:
        yield
    finally:
        growing.files.remove(f"{key}.copy.yaml")
        growing.files.finish_load()


@contextmanager
def _spoilt(growing: Growing, collection: str, **fields: object) -> Iterator[None]:
    key, record = growing.application.some(collection)
    with growing.feed.load() as load:
        load.spoil(collection, key, record | fields)
    try:
        yield
    finally:
        with growing.feed.load() as load:
            load.put(collection, record, key=key, change=None)


def _play(at: datetime) -> dict[str, object]:
    return Play.read(
        {
            "play_id": derive_text("play", at.isoformat()),
            "lyric_id": derive_text("lyric", "nobody knows"),
            "played_at": at.isoformat(),
            "duration_ms": 1000,
        }
    )
