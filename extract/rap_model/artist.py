"""Artist: who raps, writes or produces."""

from typing import Any

from pydantic import Field

from rap_model.base import Document, Entity
from rap_model.fields import Country, Day, Id, Instant, Name, Url
from rap_model.identity import UNDERIVED, artist_id


class Artist(Entity):
    """One artist; natural key: the name."""

    artist_id: Id = Field(
        description="Id of the artist: the given UUID, else derived from the normalised name."
    )
    name: Name = Field(description="Stage name, as the artist writes it.")
    country: Country | None = Field(
        default=None, description="Home country, ISO 3166-1 alpha-2 in capitals."
    )
    birth_date: Day | None = Field(default=None, description="Day of birth.")
    debut_date: Day | None = Field(default=None, description="Day of the first release.")
    spotify_url: Url | None = Field(
        default=None, description="Address of the artist's page on Spotify, http or https."
    )
    updated_at: Instant = Field(
        description="When the artist's facts were last changed at their source, UTC."
    )

    @classmethod
    def expand(cls, document: Document) -> dict[str, Any]:
        """Derive the id from the name where none is given."""
        expanded = dict(document)
        if expanded.get("artist_id") is None:
            name = expanded.get("name")
            expanded["artist_id"] = artist_id(name) if isinstance(name, str) else UNDERIVED
        return expanded


def refer_to_artist(reference: dict[str, Any]) -> None:
    """Put `artist_id` into a credit or performance that names its `artist`, in place."""
    if reference.get("artist_id") is None and isinstance(name := reference.get("artist"), str):
        reference["artist_id"] = artist_id(name)
