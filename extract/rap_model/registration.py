"""Registration: somebody signed up for a meetup, came, or did not."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from rap_model.base import Document, Entity
from rap_model.fields import AttendeeHash, Id, Instant, one_of
from rap_model.identity import UNDERIVED, canonical_id, derive_text


class Status(StrEnum):
    """Where a registration stands."""

    REGISTERED = "registered"
    ATTENDED = "attended"
    CANCELLED = "cancelled"


class Registration(Entity):
    """One attendee's registration for one meetup; natural key: the meetup's id and the hash."""

    registration_id: Id = Field(
        description=(
            "Id of the registration: the given UUID, else derived from the meetup's id and the "
            "attendee's hash."
        )
    )
    meetup_id: Id = Field(description="Id of the meetup registered for.")
    attendee_hash: AttendeeHash = Field(
        description="HMAC-SHA-256 of the attendee's address, hexadecimal. Restricted downstream."
    )
    status: Annotated[Status, one_of(*Status)] = Field(
        description="Where it stands: registered, attended or cancelled."
    )
    registered_at: Instant = Field(description="When the attendee registered, UTC.")
    updated_at: Instant = Field(description="When the status last changed, UTC.")

    @classmethod
    def expand(cls, document: Document) -> dict[str, Any]:
        """Derive the id from the meetup and the attendee where none is given."""
        expanded = dict(document)
        if expanded.get("registration_id") is None:
            meetup, attendee = (
                canonical_id(expanded.get("meetup_id")),
                expanded.get("attendee_hash"),
            )
            expanded["registration_id"] = (
                derive_text("registration", meetup, attendee)
                if isinstance(attendee, str)
                else UNDERIVED
            )
        return expanded
