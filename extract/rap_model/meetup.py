"""Meetup: where raps are performed, and what was performed there."""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from rap_model.artist import refer_to_artist
from rap_model.base import Document, Entity, Row
from rap_model.fields import Country, Flag, Id, Instant, ListRule, Name, Position, Text, TimeZone
from rap_model.identity import UNDERIVED, artist_id, canonical_id, derive_text

_instant: TypeAdapter[datetime] = TypeAdapter(Instant)


class Performance(Row):
    """One lyric performed by one artist, in a meetup."""

    shorthand: ClassVar[frozenset[str]] = frozenset({"artist", "lyric", "singer"})

    lyric_id: Id = Field(description="Id of the performed lyric.")
    artist_id: Id = Field(description="Id of the artist who performed it.")
    position: Position | None = Field(
        default=None, description="Place in the meetup's running order, from 1."
    )
    started_at: Instant | None = Field(default=None, description="When it began, UTC.")


class MeetupPerformance(Performance):
    """A meetup's performance as a row of its own: the stream `performances`."""

    meetup_id: Id = Field(description="Id of the meetup that the performance belongs to.")


def _once_each(performances: tuple[Performance, ...]) -> tuple[Performance, ...]:
    if len({(p.lyric_id, p.artist_id) for p in performances}) < len(performances):
        raise PydanticCustomError(
            "performance_repeated",
            "must have a lyric by an artist only once; remove the repetition",
        )
    return performances


class Meetup(Entity):
    """One meetup; natural key: the title and the start."""

    meetup_id: Id = Field(
        description=(
            "Id of the meetup: the given UUID, else derived from the normalised title and the "
            "start in UTC."
        )
    )
    title: Name = Field(description="Title of the meetup.")
    host: Text | None = Field(default=None, description="Group or company that holds it.")
    starts_at: Instant = Field(description="When it begins, UTC.")
    ends_at: Instant | None = Field(
        default=None, description="When it ends, UTC; never before it begins."
    )
    timezone: TimeZone = Field(
        description="IANA time zone of the place, for local times (Europe/Vienna)."
    )
    is_online: Flag = Field(description="Whether it is held on the net and not in a place.")
    venue: Text | None = Field(default=None, description="House or room it is held in.")
    city: Text | None = Field(default=None, description="City it is held in.")
    country: Country | None = Field(
        default=None, description="Country it is held in, ISO 3166-1 alpha-2 in capitals."
    )
    performances: Annotated[
        tuple[Performance, ...],
        ListRule("performances_expected", "must be a list of performances"),
        AfterValidator(_once_each),
    ] = Field(default=(), description="What was performed by whom; no two alike.")
    updated_at: Instant = Field(
        description="When the meetup's facts were last changed at their source, UTC."
    )

    @field_validator("ends_at")
    @classmethod
    def _ends_after_it_starts(
        cls, ends_at: datetime | None, info: ValidationInfo
    ) -> datetime | None:
        starts_at = info.data.get("starts_at")
        if ends_at is not None and starts_at is not None and ends_at < starts_at:
            raise PydanticCustomError("ends_before_start", "must not be earlier than starts_at")
        return ends_at

    @classmethod
    def expand(cls, document: Document) -> dict[str, Any]:
        """Write out the performances; derive a missing id from the title and the start."""
        expanded = dict(document)
        performances = expanded.get("performances")
        if performances is None:
            expanded["performances"] = ()
        elif isinstance(performances, list | tuple):
            expanded["performances"] = [
                _expand_performance(performance, position)
                for position, performance in enumerate(performances, 1)
            ]
        if expanded.get("meetup_id") is None:
            expanded["meetup_id"] = _derive(expanded.get("title"), expanded.get("starts_at"))
        return expanded


def _derive(title: Any, starts_at: Any) -> str:
    if not isinstance(title, str):
        return UNDERIVED
    try:
        start = _instant.validate_python(starts_at)
    except ValidationError:
        return UNDERIVED
    return derive_text("meetup", title, f"{start:%Y-%m-%dT%H:%M:%SZ}")


def _expand_performance(performance: Any, position: int) -> Any:
    if not isinstance(performance, dict):
        return performance
    expanded = performance.copy()
    if expanded.get("position") is None:
        expanded["position"] = position
    refer_to_artist(expanded)
    if expanded.get("lyric_id") is None and isinstance(title := expanded.get("lyric"), str):
        singer = expanded.get("singer")
        if singer is None:
            lead = canonical_id(expanded.get("artist_id"))
        else:
            lead = artist_id(singer) if isinstance(singer, str) else UNDERIVED
        if lead != UNDERIVED:
            expanded["lyric_id"] = derive_text("lyric", title, lead)
    return expanded
