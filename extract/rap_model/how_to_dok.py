"""Reader of the first rap files' format, that of the how-to-dok project.

It names artists in three places, in three shapes, and says nothing of when a file was changed.
docs/data-model.md has the table of its keys beside today's.
"""

from collections.abc import Iterator
from typing import Any

UNDATED = "1970-01-01T00:00:00Z"
"""`updated_at` of these documents: any version that is dated is newer."""

_RENAMED = {"song_name": "title", "date_of_release": "released_date", "link": "video_url"}
_CREDITED = {"singer": "singer", "collaborated_artists": "featured", "lyrics_by": "lyricist"}
WRITTEN = {today: first for first, today in _RENAMED.items()}
"""Names of the first format for fields of today's."""


def is_first_format(document: dict[str, Any]) -> bool:
    """Tell the first format by its keys; it had no `schema_version`."""
    return "schema_version" not in document and ("song_name" in document or "singer" in document)


def modernise(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of the first format as one of today's, its unknown fields kept.

    A key with nothing behind it (`album:`) was how that format left a field out.
    """
    filled = {key: value for key, value in document.items() if value not in (None, "")}
    modern = {
        _RENAMED.get(key, key): value for key, value in filled.items() if key not in _CREDITED
    }
    modern["credits"] = [
        credit for key, role in _CREDITED.items() for credit in _credits(filled.get(key), role)
    ]
    modern.setdefault("updated_at", UNDATED)
    return modern


def _credits(artists: Any, role: str) -> Iterator[Any]:
    """Yield a credit for each artist of a name, or of a list of names or of `{artist: name}`."""
    if artists is None:
        return
    for artist in artists if isinstance(artists, list) else [artists]:
        if isinstance(artist, dict):
            yield {**artist, "role": role}
        else:
            yield {"artist": artist, "role": role}
