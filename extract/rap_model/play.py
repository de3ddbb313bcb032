"""Play: somebody listened to a lyric."""

from typing import Any

from pydantic import Field

from rap_model.base import Document, Entity
from rap_model.fields import Country, Id, Instant, Milliseconds, Text
from rap_model.identity import UNDERIVED, canonical_id


class Play(Entity):
    """One play; it has no natural key, so that its id is always given."""

    play_id: Id = Field(description="Id of the play, given by the player.")
    lyric_id: Id = Field(description="Id of the played lyric.")
    artist_id: Id | None = Field(default=None, description="Id of the artist it was played for.")
    played_at: Instant = Field(description="When the play began, UTC.")
    duration_ms: Milliseconds | None = Field(
        default=None, description="Time listened, in milliseconds, 0 or more."
    )
    country: Country | None = Field(
        default=None, description="Country of the listener, ISO 3166-1 alpha-2 in capitals."
    )
    client: Text | None = Field(default=None, description="Player that was used.")

    @classmethod
    def expand(cls, document: Document) -> dict[str, Any]:
        """Take a database's key for the id where none is given and the key is a UUID."""
        expanded = dict(document)
        if expanded.get("play_id") is None:
            given = canonical_id(expanded.get("_id"))
            if given != UNDERIVED:
                expanded["play_id"] = given
        return expanded
