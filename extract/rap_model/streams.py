"""The streams that rap data travels in: one table, read by every projection."""

from dataclasses import dataclass

from rap_model.artist import Artist
from rap_model.base import Row
from rap_model.lyric import Lyric, LyricCredit
from rap_model.meetup import Meetup, MeetupPerformance
from rap_model.play import Play
from rap_model.registration import Registration


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of records of one model."""

    name: str
    model: type[Row]
    key: tuple[str, ...]
    """Fields that tell its records apart, within one file where it comes from files."""
    grain: str
    """What one record is."""
    in_files: bool = True
    """Whether rap files hold it; the others come from Mongo alone."""
    exploded: bool = False
    """Whether its records are elements of another stream's."""


STREAMS = (
    Stream("artists", Artist, ("artist_id",), "artist"),
    Stream("lyrics", Lyric, ("lyric_id",), "lyric"),
    Stream(
        "lyric_credits",
        LyricCredit,
        ("lyric_id", "artist_id", "role"),
        "lyric, credited artist and role",
        exploded=True,
    ),
    Stream("meetups", Meetup, ("meetup_id",), "meetup"),
    Stream(
        "performances",
        MeetupPerformance,
        ("meetup_id", "lyric_id", "artist_id"),
        "meetup, performed lyric and performing artist",
        exploded=True,
    ),
    Stream("registrations", Registration, ("registration_id",), "registration", in_files=False),
    Stream("plays", Play, ("play_id",), "play", in_files=False),
)
