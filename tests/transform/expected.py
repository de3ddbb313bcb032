"""The marts calculated in plain Python from the documents that the files hold now.

Nothing here follows the SQL: entities are picked with ``max`` over documents, words are found by
the Unicode category of each character, days by date arithmetic.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transform.rap_files import File, Record

Rows = Counter[tuple[Any, ...]]

SYMBOL_MARKS = frozenset(map(chr, [*range(0x20D0, 0x2100), *range(0xFE00, 0xFE10)]))
APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
SIGMAS = ("\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}")
JOINERS = "'\u200c\u200d"


def marts(files: Mapping[str, File]) -> dict[str, Rows]:
    """Return each mart's rows as a multiset, columns in the order in which they are declared."""
    artists = _entities(files, "artists")
    lyrics = _entities(files, "lyrics")
    meetups = _entities(files, "meetups")
    return {
        "marts.dim_artists": Counter(
            (
                UUID(a["artist_id"]),
                *(a[name] for name in ("name", "country", "spotify_url")),
                _date(a["birth_date"]),
                _date(a["debut_date"]),
                _time(a["updated_at"]),
            )
            for a in artists.values()
        ),
        "marts.dim_lyrics": Counter(
            (
                UUID(song["lyric_id"]),
                *(song[n] for n in ("title", "album", "label", "language", "video_url", "notes")),
                _date(song["released_date"]),
                _time(song["updated_at"]),
            )
            for song in lyrics.values()
        ),
        "restricted.dim_lyric_texts": Counter(
            (UUID(song["lyric_id"]), song["lyrics"]) for song in lyrics.values()
        ),
        "marts.fct_lyric_releases": Counter(_release(song, artists) for song in lyrics.values()),
        "marts.fct_lyric_credits": Counter(
            (UUID(song["lyric_id"]), UUID(c["artist_id"]), c["role"], c["position"])
            for song in lyrics.values()
            for c in song["credits"]
        ),
        "marts.dim_meetups": Counter(
            (
                UUID(m["meetup_id"]),
                *(m[n] for n in ("title", "host", "timezone", "venue", "city", "country")),
                m["is_online"],
                *(_time(m[name]) for name in ("starts_at", "ends_at", "updated_at")),
            )
            for m in meetups.values()
        ),
        "marts.fct_meetup_performances": Counter(
            (
                UUID(m["meetup_id"]),
                UUID(p["lyric_id"]),
                UUID(p["artist_id"]),
                p["position"],
                _time(p["started_at"]),
            )
            for m in meetups.values()
            for p in m["performances"]
        ),
    }


def words(text: str) -> list[str]:
    """Return the words of ``text`` in lower case: letters, marks and numbers, joined inside."""
    marked = "".join(
        c if c in JOINERS or _is_word_character(c) else " " for c in text.replace(APOSTROPHE, "'")
    )
    joined = re.sub(f"(?<=[^ {JOINERS}])[{JOINERS}](?=[^ {JOINERS}])", "\0", marked)
    found = [w.replace("\0", "'") for w in re.split(f"[ {JOINERS}]+", joined) if w]
    # One letter for one letter: a dotted capital I is an i, a final sigma a sigma.
    return ["".join(c.lower()[0] for c in word).replace(*SIGMAS) for word in found]


def _is_word_character(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN" and character not in SYMBOL_MARKS


def _entities(files: Mapping[str, File], kind: str) -> dict[str, Record]:
    """Return the document that speaks for each entity: updated last, listed last, first file."""
    found: dict[str, tuple[tuple[Any, ...], Record]] = {}
    for name in sorted(name for name in files if name.startswith(f"{kind}/")):
        identity = f"{kind.removesuffix('s')}_id"
        # Of one entity's several documents in a file the last counts.
        for key, document in {each[identity]: each for each in files[name].documents}.items():
            rank = (_time(document["updated_at"]), files[name].listed_at)
            if key not in found or rank > found[key][0]:
                found[key] = (rank, document)
    return {key: document for key, (_, document) in found.items()}


def _release(lyric: Record, artists: Mapping[str, Record]) -> tuple[Any, ...]:
    found = words(lyric["lyrics"])
    credits_ = sorted(lyric["credits"], key=lambda credit: credit["position"])
    singers = [credit for credit in credits_ if credit["role"] == "singer"]
    lead = (singers or credits_)[0]["artist_id"]
    debut = _date(artists[lead]["debut_date"]) if lead in artists else None
    released = _date(lyric["released_date"])
    return (
        UUID(lyric["lyric_id"]),
        UUID(lead),
        sum(1 for line in re.split(r"\r\n|\r|\n", lyric["lyrics"]) if line.strip()),
        len(found),
        len(set(found)),
        _ratio(len(set(found)), len(found)),
        len({credit["artist_id"] for credit in credits_}),
        (released - debut).days if released and debut else None,
        released,
    )


def _ratio(part: int, whole: int) -> Decimal | None:
    if not whole:
        return None
    return (Decimal(part) / Decimal(whole)).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def _date(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
