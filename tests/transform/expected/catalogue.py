"""Artists and lyrics, who is credited for what, and how a lyric is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transform.expected.rows import Row, day, rounded, time, uuid
from transform.expected.text import lines, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from transform.rap_files import Record

    Entities = Mapping[str, Record]


def artists(spoken: Entities) -> Iterator[Row]:
    """One row per artist."""
    for artist in spoken.values():
        yield {
            "artist_id": uuid(artist["artist_id"]),
            **{name: artist[name] for name in ("name", "country", "spotify_url")},
            "birth_date": day(artist["birth_date"]),
            "debut_date": day(artist["debut_date"]),
            "updated_at": time(artist["updated_at"]),
        }


def lyrics(spoken: Entities) -> Iterator[Row]:
    """One row per lyric, without its text."""
    texts_ = ("title", "album", "label", "language", "video_url", "notes")
    for lyric in spoken.values():
        yield {
            "lyric_id": uuid(lyric["lyric_id"]),
            **{name: lyric[name] for name in texts_},
            "released_date": day(lyric["released_date"]),
            "updated_at": time(lyric["updated_at"]),
        }


def texts(spoken: Entities) -> Iterator[Row]:
    """One row per lyric: its text."""
    for lyric in spoken.values():
        yield {"lyric_id": uuid(lyric["lyric_id"]), "lyrics": lyric["lyrics"]}


def credits_(spoken: Entities) -> Iterator[Row]:
    """One row per lyric, artist and role."""
    for lyric in spoken.values():
        for credit in lyric["credits"]:
            yield {
                "lyric_id": uuid(lyric["lyric_id"]),
                "artist_id": uuid(credit["artist_id"]),
                "role": credit["role"],
                "position": credit["position"],
            }


def lead(lyric: Record) -> str:
    """Return the id of the artist who leads a lyric: its first singer, else the first credited."""
    ordered = sorted(lyric["credits"], key=lambda credit: credit["position"])
    singers = [credit for credit in ordered if credit["role"] == "singer"]
    first: dict[str, Any] = (singers or ordered)[0]
    return str(first["artist_id"])


def release(lyric: Record, known: Entities) -> Row:
    """Return the row of a lyric's release."""
    found = words(lyric["lyrics"])
    leader = lead(lyric)
    debut = day(known[leader]["debut_date"]) if leader in known else None
    released = day(lyric["released_date"])
    return {
        "lyric_id": uuid(lyric["lyric_id"]),
        "lead_artist_id": uuid(leader),
        "line_count": lines(lyric["lyrics"]),
        "word_count": len(found),
        "unique_word_count": len(set(found)),
        "type_token_ratio": rounded(len(set(found)), len(found), 4),
        "credited_artist_count": len({credit["artist_id"] for credit in lyric["credits"]}),
        "days_since_lead_artist_debut": (released - debut).days if released and debut else None,
        "released_date": released,
    }
