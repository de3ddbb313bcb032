"""The models' rules: what is refused, under which code, at which field, with which words."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from rap_model import Artist, Credit, Lyric, Meetup, Play, Registration
from rap_model.base import Entity

WHEN = "2026-01-12T09:00:00Z"
SOME_ID = "6f1f7a52-2c5b-5d0e-8c63-0b8a4a3b9d11"
KUBE = {"artist": "Kube Cutz", "role": "singer"}
VALID: dict[type[Entity], dict[str, Any]] = {
    Artist: {"schema_version": 1, "name": "Kube Cutz", "updated_at": WHEN},
    Lyric: {
        "schema_version": 1,
        "title": "Drain the Node",
        "lyrics": "Cordon the box",
        "credits": [KUBE],
        "updated_at": WHEN,
    },
    Meetup: {
        "schema_version": 1,
        "title": "DoK Vienna",
        "starts_at": "2026-03-19T17:00:00Z",
        "timezone": "Europe/Vienna",
        "is_online": False,
        "updated_at": WHEN,
    },
    Registration: {
        "meetup_id": SOME_ID,
        "attendee_hash": "ab" * 32,
        "status": "registered",
        "registered_at": WHEN,
        "updated_at": WHEN,
    },
    Play: {"play_id": SOME_ID, "lyric_id": SOME_ID, "played_at": WHEN, "duration_ms": 0},
}
SONG = {"lyric": "Drain the Node", "artist": "Kube Cutz"}


@pytest.mark.parametrize("model", VALID)
def test_document_with_all_that_is_required_is_read(model: type[Entity]) -> None:
    record = model.read(VALID[model])
    assert record == model.model_validate(VALID[model]).model_dump(mode="json")
    assert record.keys() == model.singer_schema()["properties"].keys()


@pytest.mark.parametrize(
    ("model", "fields", "loc", "code", "words"),
    [
        (Artist, {"name": 1984}, "name", "text_expected", "must be text, not blank"),
        (Artist, {"name": "  "}, "name", "text_expected", "quote what reads as a number"),
        (Artist, {"country": "AUT"}, "country", "country_expected", "two letters, such as AT"),
        (Artist, {"country": False}, "country", "country_expected", "two letters"),
        (Artist, {"birth_date": 1994}, "birth_date", "date_expected", "written YYYY-MM-DD"),
        (Artist, {"birth_date": "1994-02-30"}, "birth_date", "date_expected", "YYYY-MM-DD"),
        (Artist, {"debut_date": "09.03.1994"}, "debut_date", "date_expected", "YYYY-MM-DD"),
        (Artist, {"debut_date": "1994"}, "debut_date", "date_expected", "YYYY-MM-DD"),
        (Artist, {"spotify_url": "ftp://x/y"}, "spotify_url", "url_expected", "http:// or https"),
        (Artist, {"spotify_url": "https://"}, "spotify_url", "url_expected", "an address"),
        (Artist, {"artist_id": "K-1"}, "artist_id", "uuid_expected", "must be a UUID, such as"),
        (Artist, {"schema_version": 2}, "schema_version", "schema_version_unknown", "must be 1"),
        (Artist, {"schema_version": True}, "schema_version", "schema_version_unknown", "be 1"),
        (Lyric, {"lyrics": ""}, "lyrics", "text_expected", "must be text, not empty"),
        (Lyric, {"album": 7}, "album", "text_expected", "must be text"),
        (Lyric, {"language": "english!"}, "language", "language_expected", "such as en or"),
        (Lyric, {"updated_at": "2026-01-12T09:00:00"}, "updated_at", "time_expected", "offset"),
        (Lyric, {"updated_at": "2026-01-12"}, "updated_at", "time_expected", "date and time"),
        (Lyric, {"updated_at": date(2026, 1, 12)}, "updated_at", "time_expected", "and time"),
        (Lyric, {"updated_at": datetime(2026, 1, 12)}, "updated_at", "time_expected", "offset"),  # noqa: DTZ001 - naive is the fault
        (Lyric, {"updated_at": 1768208400}, "updated_at", "time_expected", "offset"),
        (Lyric, {"credits": []}, "credits", "credits_expected", "a list of one credit or more"),
        (Lyric, {"credits": "Kube Cutz"}, "credits", "credits_expected", "a list of one credit"),
        (Lyric, {"credits": ["Kube Cutz"]}, "credits.0", "model_type", "dictionary"),
        (Lyric, {"credits": [{"role": "singer"}]}, "credits.0.artist_id", "missing", "required"),
        (
            Lyric,
            {"credits": [KUBE, {"artist": "X", "role": "dancer"}]},
            "credits.1.role",
            "value_unknown",
            "must be one of singer, featured, lyricist, producer",
        ),
        (
            Lyric,
            {"credits": [KUBE | {"position": 0}]},
            "credits.0.position",
            "position_expected",
            "must be a whole number from 1",
        ),
        (
            Lyric,
            {"credits": [KUBE | {"position": True}]},
            "credits.0.position",
            "position_expected",
            "whole number",
        ),
        (
            Lyric,
            {"credits": [KUBE, KUBE | {"artist": " kube  cutz"}]},
            "credits",
            "credit_repeated",
            "only once in each role; remove the repetition",
        ),
        (
            Meetup,
            {"ends_at": "2026-03-19T16:59:59Z"},
            "ends_at",
            "ends_before_start",
            "must not be earlier than starts_at",
        ),
        (Meetup, {"starts_at": "tomorrow"}, "starts_at", "time_expected", "such as 2026-03-19T18"),
        (Meetup, {"timezone": "Vienna"}, "timezone", "timezone_expected", "such as Europe/Vienna"),
        (Meetup, {"timezone": "../etc"}, "timezone", "timezone_expected", "IANA time zone"),
        (Meetup, {"is_online": "no"}, "is_online", "boolean_expected", "must be true or false"),
        (Meetup, {"is_online": 0}, "is_online", "boolean_expected", "must be true or false"),
        (
            Meetup,
            {"performances": {"lyric": "x"}},
            "performances",
            "performances_expected",
            "must be a list",
        ),
        (Meetup, {"performances": [SONG, SONG]}, "performances", "performance_repeated", "once"),
        (
            Meetup,
            {"performances": [SONG | {"singer": 5}]},
            "performances.0.lyric_id",
            "missing",
            "required",
        ),
        (Registration, {"status": "maybe"}, "status", "value_unknown", "registered, attended, can"),
        (
            Registration,
            {"attendee_hash": "kube@cutz.example"},
            "attendee_hash",
            "hash_expected",
            "must be a keyed SHA-256 hash",
        ),
        (Play, {"duration_ms": -1}, "duration_ms", "milliseconds_expected", "0 or more"),
        (Play, {"duration_ms": 1.5}, "duration_ms", "milliseconds_expected", "whole number"),
        (Play, {"play_id": None}, "play_id", "uuid_expected", "must be a UUID"),
    ],
)
def test_rule(model: type[Entity], fields: dict[str, Any], loc: str, code: str, words: str) -> None:
    for read in (model.read, model.model_validate):
        with pytest.raises(ValidationError) as caught:
            read(VALID[model] | fields)
        [fault] = caught.value.errors()
        assert ".".join(map(str, fault["loc"])) == loc
        assert fault["type"] == code
        assert words in fault["msg"]


@pytest.mark.parametrize("model", VALID)
def test_each_required_field_is_asked_for_by_name_and_nothing_else_is(
    model: type[Entity],
) -> None:
    derived = f"{model.__name__.lower()}_id"
    required = set(model.singer_schema()["required"]) - {"performances"}
    with pytest.raises(ValidationError) as caught:
        model.read({})
    expected = required if model is Play else required - {derived}
    assert {fault["loc"] for fault in caught.value.errors()} == {(name,) for name in expected}
    assert {fault["type"] for fault in caught.value.errors()} == {"missing"}


@pytest.mark.parametrize("content", [None, "text", 5, ["a list"]])
def test_what_is_no_object_is_one_fault_of_the_whole(content: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        Lyric.read(content)
    [fault] = caught.value.errors()
    assert (fault["loc"], fault["type"]) == ((), "object_expected")
    assert Lyric.unknown_fields(content) == {}


def test_errors_never_quote_the_value() -> None:
    secret = "a line nobody may log"
    document = dict.fromkeys(VALID[Lyric], secret) | {
        "lyrics": 5,
        "credits": [{"role": secret}],
    }
    with pytest.raises(ValidationError) as caught:
        Lyric.read(document)
    assert all(secret not in fault["msg"] for fault in caught.value.errors())


def test_models_are_frozen() -> None:
    lyric = Lyric.model_validate(VALID[Lyric])
    with pytest.raises(ValidationError, match="frozen"):
        lyric.title = "Another"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        lyric.credits[0].position = 2  # type: ignore[misc]
    assert isinstance(lyric.credits, tuple)


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-19T18:00:00Z",
        "2026-03-19 18:00Z",
        "2026-03-19T19:00:00+01:00",
        "2026-03-19T13:00:00.000-0500",
        datetime(2026, 3, 19, 18, tzinfo=UTC),
        datetime(2026, 3, 19, 19, tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_times_are_kept_in_utc(written: Any) -> None:
    record = Artist.read(VALID[Artist] | {"updated_at": written})
    assert record["updated_at"] == "2026-03-19T18:00:00Z"


@pytest.mark.parametrize("written", ["2024-11-08", date(2024, 11, 8)])
def test_dates_come_as_text_or_as_dates(written: Any) -> None:
    assert Lyric.read(VALID[Lyric] | {"released_date": written})["released_date"] == "2024-11-08"


def test_text_is_kept_byte_for_byte_and_names_lose_only_spaces_at_the_ends() -> None:
    text = '  "Cordon"\r\n\tthe box \u2028 🔥 \u0301\n\n'
    record = Lyric.read(VALID[Lyric] | {"lyrics": text, "title": "  Drain  the Node ", "album": ""})
    assert record["lyrics"] == text
    assert record["title"] == "Drain  the Node"
    assert record["album"] == ""


def test_positions_follow_the_list_where_none_is_given() -> None:
    credits_ = [
        KUBE,
        {"artist": "X", "role": "producer", "position": 9},
        {"artist": "Y", "role": "featured"},
    ]
    record = Lyric.read(VALID[Lyric] | {"credits": credits_})
    assert [credit["position"] for credit in record["credits"]] == [1, 9, 3]


def test_one_artist_may_have_several_roles() -> None:
    credits_ = [KUBE, KUBE | {"role": "lyricist"}]
    assert len(Lyric.read(VALID[Lyric] | {"credits": credits_})["credits"]) == 2


def test_unknown_fields_are_ignored_by_the_model_and_reported_by_path() -> None:
    document = VALID[Lyric] | {"mood": "low", 5: "five", "credits": [KUBE | {"since": 2019}]}
    assert Lyric.unknown_fields(document) == {"mood": "low", "5": "five", "credits[0].since": 2019}
    assert Lyric.read(document) == Lyric.read(VALID[Lyric])
    assert Lyric.unknown_fields(VALID[Lyric]) == {}


def test_shorthand_is_known_and_leaves_no_trace_in_the_record() -> None:
    performance = SONG | {"singer": "Kube Cutz"}
    document = VALID[Meetup] | {"performances": [performance]}
    assert Meetup.unknown_fields(document) == {}
    [row] = Meetup.read(document)["performances"]
    assert row.keys() == {"lyric_id", "artist_id", "position", "started_at"}


def test_schema_version_is_read_but_is_no_field_of_the_record() -> None:
    assert "schema_version" not in Artist.read(VALID[Artist])
    assert "schema_version" not in Credit.model_fields
