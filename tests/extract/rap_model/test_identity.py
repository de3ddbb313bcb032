"""Ids: files, databases and replays meet on one, different things never do."""

import unicodedata
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rap_model import NAMESPACE, Artist, Lyric, Meetup, Play, Registration, derive_id, normalise

WHEN = "2026-01-12T09:00:00Z"
HASH = "ab" * 32


def lyric(**fields: Any) -> dict[str, Any]:
    return {
        "title": "Drain the Node",
        "lyrics": "x",
        "credits": [{"artist": "Kube Cutz", "role": "singer"}],
        "updated_at": WHEN,
        **fields,
    }


def meetup(**fields: Any) -> dict[str, Any]:
    return {
        "title": "DoK Vienna",
        "starts_at": "2026-03-19T17:00:00Z",
        "timezone": "Europe/Vienna",
        "is_online": False,
        "updated_at": WHEN,
        **fields,
    }


def test_derived_id_is_a_uuid5_of_the_documented_name() -> None:
    assert derive_id("artist", " Kube  CUTZ ") == uuid5(NAMESPACE, "artist\x1fkube cutz")
    assert derive_id("artist", "Kube Cutz").version == 5


def test_ids_never_change() -> None:
    """Every store hangs on these: a change here is a migration of all of them."""
    assert str(derive_id("artist", "Kube Cutz")) == "7a1fff01-91d5-5050-9cdd-3968da25e8a4"
    assert Lyric.read(lyric())["lyric_id"] == "dd16eeb0-25a7-54d4-8af1-bcad5e334742"
    assert Meetup.read(meetup())["meetup_id"] == "b435e826-bdd8-5578-a88e-60b4648a251d"


def test_given_id_is_kept() -> None:
    given_id = "6F1F7A52-2C5B-5D0E-8C63-0B8A4A3B9D11"
    assert Lyric.read(lyric(lyric_id=given_id))["lyric_id"] == given_id.lower()
    assert Meetup.read(meetup(meetup_id=UUID(given_id)))["meetup_id"] == given_id.lower()


@pytest.mark.parametrize("key", [UUID(HASH[:32]), HASH[:32].upper()])
def test_a_databases_uuid_key_is_the_id_of_what_has_no_natural_key(key: UUID | str) -> None:
    play = {"_id": key, "lyric_id": UUID(int=1), "played_at": WHEN}
    assert Play.read(play)["play_id"] == str(UUID(HASH[:32]))
    assert Play.read({**play, "play_id": UUID(int=2)})["play_id"] == str(UUID(int=2))
    assert Lyric.read(lyric(_id=key)) == Lyric.read(lyric())
    assert "_id" not in Play.read(play)


def test_file_and_mongo_document_meet_on_one_id() -> None:
    in_file = lyric(schema_version=1)
    artist = Artist.read({"name": "KUBE cutz", "updated_at": WHEN, "_id": "66f0"})
    in_mongo = lyric(
        title="drain  the\u00a0node",
        credits=[
            {"artist_id": "6f1f7a52-2c5b-5d0e-8c63-0b8a4a3b9d11", "role": "producer"},
            {"artist_id": artist["artist_id"].upper(), "role": "singer"},
        ],
    )
    assert Lyric.read(in_file)["lyric_id"] == Lyric.read(in_mongo)["lyric_id"]


def test_meetup_is_the_same_in_every_offset_and_precision() -> None:
    ids = {
        Meetup.read(meetup(starts_at=start))["meetup_id"]
        for start in ("2026-03-19T17:00:00Z", "2026-03-19 18:00+01:00", "2026-03-19T17:00:00.000Z")
    }
    assert len(ids) == 1


def test_meetups_of_a_series_are_told_apart_by_their_start() -> None:
    april = meetup(starts_at="2026-04-16T16:00:00Z")
    assert Meetup.read(april)["meetup_id"] != Meetup.read(meetup())["meetup_id"]


def test_one_title_by_two_artists_is_two_lyrics() -> None:
    other = lyric(credits=[{"artist": "Lady Ledger", "role": "singer"}])
    assert Lyric.read(other)["lyric_id"] != Lyric.read(lyric())["lyric_id"]


def test_lead_is_the_first_singer_else_the_first_credit() -> None:
    kube, ledger = {"artist": "Kube Cutz"}, {"artist": "Lady Ledger"}
    by_kube = Lyric.read(lyric())["lyric_id"]
    later_singer = [ledger | {"role": "producer"}, kube | {"role": "singer"}]
    no_singer = [kube | {"role": "producer"}, ledger | {"role": "lyricist"}]
    assert Lyric.read(lyric(credits=later_singer))["lyric_id"] == by_kube
    assert Lyric.read(lyric(credits=no_singer))["lyric_id"] == by_kube


def test_performance_by_title_leads_to_the_lyric_of_its_lead_artist() -> None:
    record = Meetup.read(
        meetup(
            performances=[
                {"lyric": "drain the NODE", "artist": "Kube Cutz"},
                {"lyric": "Drain the Node", "singer": "kube cutz", "artist": "Lady Ledger"},
            ]
        )
    )
    lyric_id = Lyric.read(lyric())["lyric_id"]
    assert [row["lyric_id"] for row in record["performances"]] == [lyric_id, lyric_id]
    assert record["performances"][1]["artist_id"] == str(derive_id("artist", "Lady Ledger"))


def test_registration_is_derived_and_a_play_is_not() -> None:
    registration = {
        "meetup_id": "F2A6A5BE-4CDD-59CC-B1A8-93FF0F8A4F4C",
        "attendee_hash": HASH,
        "status": "registered",
        "registered_at": WHEN,
        "updated_at": WHEN,
    }
    derived = derive_id("registration", registration["meetup_id"].lower(), HASH)
    assert Registration.read(registration)["registration_id"] == str(derived)
    with pytest.raises(ValueError, match="play_id"):
        Play.read({"lyric_id": str(derived), "played_at": WHEN})


def test_record_read_again_is_the_same_record() -> None:
    record = Lyric.read(lyric())
    assert Lyric.read(record) == record


def test_documents_are_never_changed() -> None:
    document = lyric()
    before = repr(document)
    Lyric.read(document)
    Lyric.unknown_fields(document)
    assert repr(document) == before


@given(st.text())
@example("\u2121")
@example("\u03b1\u0345\u0301")
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(min_size=1))
def test_width_case_and_spacing_mean_nothing(text: str) -> None:
    same = normalise(text)
    assert normalise(f"  {text}\t\n") == same
    assert normalise(unicodedata.normalize("NFD", text)) == same
    assert normalise(unicodedata.normalize("NFC", text)) == same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\u2121", "tel"),  # a sign whose compatibility form is in capitals
        ("\u03b1\u0345\u0301", "\u03b1\u0301\u0345"),  # marks in either order
        ("\uff2bube\u3000Cut\uff5a", "kube cutz"),
        ("STRASSE", "straße"),
        ("Ångström", "ÅNGSTRÖM"),
        ("ﬁn", "FIN"),
    ],
)
def test_spellings_that_are_the_same_name(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@given(st.lists(st.text(), min_size=1, max_size=3), st.lists(st.text(), min_size=1, max_size=3))
def test_different_keys_have_different_ids(one: list[str], other: list[str]) -> None:
    same_key = [normalise(part) for part in one] == [normalise(part) for part in other]
    assert (derive_id("lyric", *one) == derive_id("lyric", *other)) == same_key
