"""Is what stands in a table what the messages say? Compared by an order-free digest of all rows."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cassandra.cluster import Session
    from loaders.cases import Case as Feed

    from serving.contenders import Case

_NO_DATE = "0001-01-01"
_COLUMNS = {
    "lyrics_by_id": ("lyric_id", "title", "lyrics", "album", "released_date"),
    "lyrics_by_artist": ("artist_id", "lyric_id", "released_date", "title", "album"),
}


@dataclass(frozen=True)
class Digest:
    """How many rows there are, and the sum of the digests of each."""

    rows: int
    digest: int

    def __str__(self) -> str:
        """Say how many rows; the digest tells people nothing."""
        return f"{self.rows} rows"


def expected(case: Case, feed: Feed, *, is_flat: bool) -> Digest:
    """Return what a feed makes of a table; ``is_flat`` says that line breaks become spaces."""
    by_key: dict[tuple[Any, ...], list[Any]] = {}
    [path] = feed.lines.values()
    with path.open("rb") as lines:
        for line in lines:
            lyric = msgspec.json.decode(line.replace(b"\\n", b" ") if is_flat else line)
            lyric["released_date"] = lyric.get("released_date") or (
                None if case.table == "lyrics_by_id" else _NO_DATE
            )
            artists = {one["artist_id"] for one in lyric["credits"]}
            for artist in artists if case.table == "lyrics_by_artist" else {None}:
                row = [{**lyric, "artist_id": artist}.get(name) for name in _COLUMNS[case.table]]
                by_key[artist, lyric["lyric_id"]] = row
    return _digest(by_key.values())


def found(session: Session, keyspace: str, case: Case) -> Digest:
    """Return what stands in a table."""
    names = ", ".join(_COLUMNS[case.table])
    rows = session.execute(f"SELECT {names} FROM {keyspace}.{case.table}", timeout=120)
    return _digest([None if one is None else str(one) for one in row] for row in rows)


def _digest(rows: Iterable[list[Any]]) -> Digest:
    count = total = 0
    for row in rows:
        count += 1
        text = msgspec.json.encode(row)
        total = (total + int.from_bytes(blake2b(text, digest_size=8).digest(), "big")) % 2**64
    return Digest(count, total)
