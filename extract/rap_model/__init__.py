"""The rap data model: what each thing is, and the only place where a field of it is declared."""

from rap_model.artist import Artist
from rap_model.identity import NAMESPACE, derive_id, normalise
from rap_model.lyric import Credit, Lyric, LyricCredit, Role
from rap_model.meetup import Meetup, MeetupPerformance, Performance
from rap_model.play import Play
from rap_model.registration import Registration, Status

__all__ = [
    "NAMESPACE",
    "Artist",
    "Credit",
    "Lyric",
    "LyricCredit",
    "Meetup",
    "MeetupPerformance",
    "Performance",
    "Play",
    "Registration",
    "Role",
    "Status",
    "derive_id",
    "normalise",
]
