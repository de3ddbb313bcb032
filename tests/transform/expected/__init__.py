"""Every public model calculated in plain Python from what the sources say now.

Nothing here follows the SQL: entities are picked with ``max`` over documents, words are found by
the Unicode category of each character, days by date arithmetic. The input is what people and the
application wrote (files, documents) and what the loader told (changes, loads).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from transform.expected import catalogue, listening, metrics, pipeline, scene
from transform.expected.entities import Sources
from transform.expected.rows import Row, Rows, counted
from transform.expected.text import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from transform.mongo_feed import Held
    from transform.rap_files import File
    from transform.raw_loads import StreamLoad

__all__ = ["Input", "Rows", "marts", "words"]


@dataclass(frozen=True)
class Input:
    """What the sources hold and what was loaded of it."""

    files: Mapping[str, File]
    file_loads: Iterable[StreamLoad] = ()
    mongo: Held | None = field(default=None)


def marts(told: Input) -> dict[str, Rows]:
    """Return the rows of each public and restricted model, as multisets."""
    sources = Sources(told.files, told.mongo.documents if told.mongo else {})
    artists, lyrics, meetups = (sources.entities(kind) for kind in ("artists", "lyrics", "meetups"))
    registrations, plays = sources.registrations(), sources.plays()
    changes = told.mongo.changes if told.mongo else []
    loads = {"files": told.file_loads, "mongo": told.mongo.loads if told.mongo else []}

    released = [catalogue.release(lyric, artists) for lyric in lyrics.values()]
    performances = scene.performances(meetups)
    held = scene.meetup_totals(meetups, registrations)
    months = listening.artist_months(lyrics, meetups, plays)
    happened = pipeline.changes(changes)
    rows: dict[str, Iterable[Row]] = {
        "marts.dim_artists": catalogue.artists(artists),
        "marts.dim_lyrics": catalogue.lyrics(lyrics),
        "marts.dim_meetups": scene.meetups(meetups),
        "marts.dim_dates": listening.dates(),
        "marts.fct_lyric_releases": released,
        "marts.fct_lyric_credits": catalogue.credits_(lyrics),
        "marts.fct_meetup_performances": performances,
        "marts.fct_meetups": held,
        "marts.fct_registrations": scene.registrations(registrations),
        "marts.fct_plays": listening.plays(plays),
        "marts.fct_lyric_days": listening.lyric_days(plays),
        "marts.fct_artist_months": months,
        "marts.fct_rap_changes": happened,
        "marts.fct_loads": pipeline.loads(loads),
        "marts.metric_plays": metrics.plays(plays),
        "marts.metric_active_artists": metrics.active_artists(months),
        "marts.metric_songs_released": metrics.songs_released(lyrics),
        "marts.metric_meetup_attendance_rate": metrics.meetup_attendance_rate(held),
        "marts.metric_load_lag_p95": metrics.load_lag_p95(happened),
        "restricted.dim_lyric_texts": catalogue.texts(lyrics),
        "restricted.dim_attendees": scene.attendees(registrations),
    }
    return {name: counted(each) for name, each in rows.items()}
