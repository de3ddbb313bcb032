"""The first format: accepted, and the same record as its twin in today's format."""

from datetime import date
from typing import Any

from rap_model import Lyric

FIRST: dict[str, Any] = {
    "singer": "Kube Cutz",
    "collaborated_artists": [{"artist": "Lady Ledger"}, {"artist": "MC Quorum"}],
    "song_name": "Drain the Node",
    "album": "Cordon Season",
    "date_of_release": date(2024, 11, 8),
    "lyrics": "Cordon the box,\nlet the last pod leave.\n",
    "lyrics_by": "Lady Ledger",
    "link": "https://video.example/drain-the-node",
}
TODAY: dict[str, Any] = {
    "schema_version": 1,
    "title": "Drain the Node",
    "album": "Cordon Season",
    "released_date": "2024-11-08",
    "lyrics": "Cordon the box,\nlet the last pod leave.\n",
    "video_url": "https://video.example/drain-the-node",
    "credits": [
        {"artist": "Kube Cutz", "role": "singer"},
        {"artist": "Lady Ledger", "role": "featured"},
        {"artist": "MC Quorum", "role": "featured"},
        {"artist": "Lady Ledger", "role": "lyricist"},
    ],
    "updated_at": "1970-01-01T00:00:00Z",
}


def test_first_format_gives_the_record_of_its_twin() -> None:
    assert Lyric.read(FIRST) == Lyric.read(TODAY)
    assert Lyric.model_validate(FIRST) == Lyric.model_validate(TODAY)


def test_updated_at_is_older_than_every_dated_version_and_not_the_day_of_the_load() -> None:
    assert Lyric.read(FIRST)["updated_at"] == "1970-01-01T00:00:00Z"


def test_several_lyricists_and_collaborators_by_name_alone() -> None:
    several = FIRST | {"lyrics_by": ["Lady Ledger", "MC Quorum"], "collaborated_artists": "DJ X"}
    roles = [credit["role"] for credit in Lyric.read(several)["credits"]]
    assert roles == ["singer", "featured", "lyricist", "lyricist"]


def test_keys_left_empty_are_fields_left_out() -> None:
    empty = FIRST | {"album": "", "link": None, "date_of_release": "", "collaborated_artists": None}
    record = Lyric.read(empty)
    assert (record["album"], record["video_url"], record["released_date"]) == (None, None, None)
    assert [credit["role"] for credit in record["credits"]] == ["singer", "lyricist"]


def test_unknown_fields_of_the_first_format_are_reported_where_they_end_up() -> None:
    document = FIRST | {"mood": "low", "collaborated_artists": [{"artist": "DJ X", "since": 2019}]}
    assert Lyric.unknown_fields(document) == {"mood": "low", "credits[1].since": 2019}


def test_first_keys_in_a_document_of_today_are_unknown() -> None:
    document = TODAY | {"song_name": "Drain the Node"}
    assert Lyric.unknown_fields(document) == {"song_name": "Drain the Node"}
