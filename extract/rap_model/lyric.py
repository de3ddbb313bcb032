"""Lyric: a rap, its text and who is credited for it."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from rap_model import how_to_dok
from rap_model.artist import refer_to_artist
from rap_model.base import Document, Entity, Row
from rap_model.fields import (
    Day,
    Id,
    Instant,
    Language,
    ListRule,
    Name,
    Position,
    Text,
    Url,
    Verse,
    one_of,
)
from rap_model.identity import UNDERIVED, canonical_id, derive_text


class Role(StrEnum):
    """What an artist did for a lyric."""

    SINGER = "singer"
    FEATURED = "featured"
    LYRICIST = "lyricist"
    PRODUCER = "producer"


class Credit(Row):
    """One artist in one role, in a lyric."""

    shorthand: ClassVar[frozenset[str]] = frozenset({"artist"})

    artist_id: Id = Field(description="Id of the credited artist.")
    role: Annotated[Role, one_of(*Role)] = Field(
        description="What the artist did: singer, featured, lyricist or producer."
    )
    position: Position | None = Field(
        default=None, description="Place among the lyric's credits, from 1."
    )


class LyricCredit(Credit):
    """A lyric's credit as a row of its own: the stream `lyric_credits`."""

    lyric_id: Id = Field(description="Id of the lyric that the credit belongs to.")


def _once_each(credits_: tuple[Credit, ...]) -> tuple[Credit, ...]:
    if len(credits_) > 1 and len({(c.artist_id, c.role) for c in credits_}) < len(credits_):
        raise PydanticCustomError(
            "credit_repeated", "must credit an artist only once in each role; remove the repetition"
        )
    return credits_


class Lyric(Entity):
    """One lyric; natural key: the title and the lead artist's id."""

    lyric_id: Id = Field(
        description=(
            "Id of the lyric: the given UUID, else derived from the normalised title and the "
            "id of the lead artist."
        )
    )
    title: Name = Field(description="Title of the lyric.")
    lyrics: Verse = Field(description="Full text, line breaks as written. Restricted downstream.")
    album: Text | None = Field(default=None, description="Album it was released on.")
    label: Text | None = Field(default=None, description="Record label.")
    language: Language | None = Field(
        default=None, description="Main language of the text, BCP 47 (en, de-AT, zh-Hant)."
    )
    released_date: Day | None = Field(default=None, description="Day of release.")
    video_url: Url | None = Field(default=None, description="Address of the video, http or https.")
    notes: Text | None = Field(default=None, description="Remarks of the editor.")
    credits: Annotated[
        tuple[Credit, ...],
        ListRule("credits_expected", "must be a list of one credit or more", min_length=1),
        AfterValidator(_once_each),
    ] = Field(description="Who is credited in which role, at least one; no two alike.")
    updated_at: Instant = Field(
        description=(
            "When the lyric was last changed at its source, UTC; the epoch for the first "
            "how-to-dok format, which does not say."
        )
    )

    @classmethod
    def modernise(cls, document: Document) -> Document:
        """Return a lyric of the first how-to-dok format in today's."""
        return how_to_dok.modernise(document) if how_to_dok.is_first_format(document) else document

    @classmethod
    def expand(cls, document: Document) -> dict[str, Any]:
        """Write out the credits; derive a missing id from the title and the lead artist."""
        expanded = cls.modernise(document).copy()
        given = expanded.get("credits")
        if isinstance(given, list | tuple):
            given = expanded["credits"] = [
                _expand_credit(credit, position) for position, credit in enumerate(given, 1)
            ]
        if expanded.get("lyric_id") is None:
            lead = _lead(given) if isinstance(given, list) else UNDERIVED
            title = expanded.get("title")
            expanded["lyric_id"] = (
                derive_text("lyric", title, lead)
                if isinstance(title, str) and lead != UNDERIVED
                else UNDERIVED
            )
        return expanded


def _expand_credit(credit: Any, position: int) -> Any:
    if not isinstance(credit, dict):
        return credit
    expanded = credit.copy()
    if expanded.get("position") is None:
        expanded["position"] = position
    refer_to_artist(expanded)
    return expanded


def _lead(credits_: list[Any]) -> str:
    """Return the id of the first singer, else of the first credited artist."""
    objects = [credit for credit in credits_ if isinstance(credit, dict)]
    for credit in objects:
        if credit.get("role") == Role.SINGER:
            return canonical_id(credit.get("artist_id"))
    return canonical_id(objects[0].get("artist_id")) if objects else UNDERIVED
