"""The authored corpus: it keeps the model, and it still holds what trips careless readers up."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rap_model import Artist, Lyric, Meetup
from rap_model.authored import read
from rap_model.check import check_corpus
from rap_model.how_to_dok import UNDATED, is_first_format

RAPS = Path(__file__).parents[2] / "extract" / "raps"

Record = dict[str, Any]


def documents(kind: str) -> Iterator[tuple[str, Any]]:
    """Yield each document of a kind's folder with its file, as `side_b.yaml`."""
    for path in sorted((RAPS / kind).iterdir()):
        for authored in read(path):
            yield path.name, authored.content


@pytest.fixture(scope="module")
def artists() -> list[Record]:
    return [Artist.read(document) for _, document in documents("artists")]


@pytest.fixture(scope="module")
def lyrics() -> list[Record]:
    return [Lyric.read(document) for _, document in documents("lyrics")]


@pytest.fixture(scope="module")
def meetups() -> list[Record]:
    return [Meetup.read(document) for _, document in documents("meetups")]


def text_of(file: str) -> str:
    """Return the text of the lyric that is alone in a file."""
    [(_, document)] = [pair for pair in documents("lyrics") if pair[0] == file]
    text: str = Lyric.read(document)["lyrics"]
    return text


def texts_of(file: str) -> dict[str, str]:
    """Return title and text of each lyric in a file."""
    records = [Lyric.read(document) for name, document in documents("lyrics") if name == file]
    return {record["title"]: record["lyrics"] for record in records}


def bytes_of(file: str) -> bytes:
    return (RAPS / "lyrics" / file).read_bytes()


def scripts(text: str) -> set[str]:
    """Return the scripts of a text's letters, as their Unicode names begin: `LATIN`, `ARABIC`."""
    return {unicodedata.name(char).partition(" ")[0] for char in text if char.isalpha()}


# The corpus as a whole


def test_corpus_passes_the_strict_check() -> None:
    assert [str(problem) for problem in check_corpus(RAPS)] == []


def test_there_is_enough_of_everything(
    artists: list[Record], lyrics: list[Record], meetups: list[Record]
) -> None:
    assert len(lyrics) >= 40
    assert len(artists) >= 15
    assert len(meetups) >= 8


def test_readme_counts_what_is_there(
    artists: list[Record], lyrics: list[Record], meetups: list[Record]
) -> None:
    readme = (RAPS / "README.md").read_text("utf-8")
    assert f"{len(lyrics)} raps about" in readme
    assert f"{len(artists)} artists, {len(meetups)} meetups" in readme


def test_readme_names_files_that_exist() -> None:
    readme = (RAPS / "README.md").read_text("utf-8")
    named = re.findall(r"`((?:artists|lyrics|meetups)/\w+\.\w+)`", readme)
    assert len(named) > 20
    missing = [
        name
        for name in named
        if not (RAPS / name).is_file() and not (RAPS / "broken" / name).is_file()
    ]
    assert missing == []


def test_every_lyric_has_two_verses_and_a_hook(lyrics: list[Record]) -> None:
    short = [
        lyric["title"]
        for lyric in lyrics
        if len(re.split(r"(?:\r?\n){2,}", lyric["lyrics"].strip())) < 3
    ]
    assert short == []


def test_credits_tell_something(lyrics: list[Record]) -> None:
    credits_ = [credit for lyric in lyrics for credit in lyric["credits"]]
    assert {credit["role"] for credit in credits_} == {"singer", "featured", "lyricist", "producer"}
    assert sum(len({c["artist_id"] for c in lyric["credits"]}) > 1 for lyric in lyrics) >= 20
    sung = Counter(credit["artist_id"] for credit in credits_ if credit["role"] == "singer")
    assert sum(count > 1 for count in sung.values()) >= 10


def test_no_singer_releases_before_the_debut(artists: list[Record], lyrics: list[Record]) -> None:
    debuts = {artist["artist_id"]: artist["debut_date"] for artist in artists}
    early = [
        lyric["title"]
        for lyric in lyrics
        for credit in lyric["credits"]
        if credit["role"] == "singer" and lyric["released_date"] < debuts[credit["artist_id"]]
    ]
    assert early == []


def test_releases_span_years_languages_and_scripts(
    artists: list[Record], lyrics: list[Record]
) -> None:
    assert len({lyric["released_date"][:4] for lyric in lyrics}) >= 8
    languages = {lyric["language"].partition("-")[0] for lyric in lyrics if lyric["language"]}
    assert len(languages) >= 12
    titles = set().union(*(scripts(lyric["title"]) for lyric in lyrics))
    names = set().union(*(scripts(artist["name"]) for artist in artists))
    wanted = {"LATIN", "CYRILLIC", "ARABIC", "DEVANAGARI", "CJK", "HANGUL"}
    assert wanted <= titles
    assert wanted <= names


def test_nobody_sings_for_one_artist_with_no_facts(
    artists: list[Record], lyrics: list[Record]
) -> None:
    credited = {credit["artist_id"] for lyric in lyrics for credit in lyric["credits"]}
    [silent] = [artist for artist in artists if artist["artist_id"] not in credited]
    assert (silent["country"], silent["birth_date"], silent["debut_date"]) == (None, None, None)


def test_two_lyrics_are_in_the_first_format() -> None:
    old = [document for _, document in documents("lyrics") if is_first_format(document)]
    assert len(old) == 2
    for document in old:
        assert {"singer", "collaborated_artists", "song_name", "lyrics_by", "link"} <= set(document)
        assert Lyric.read(document)["updated_at"] == UNDATED


# Line breaks and other bytes


def test_a_file_with_crlf_has_a_text_with_lf() -> None:
    content = bytes_of("please_dont_bother.yaml")
    assert content.count(b"\r\n") == content.count(b"\n") > 20
    assert "\r" not in text_of("please_dont_bother.yaml")


def test_a_text_keeps_crlf_where_json_says_so() -> None:
    text = texts_of("read_your_own_writes.jsonl")["Lag (p95)"]
    assert text.count("\r\n") == text.count("\n") == 14


def test_a_json_line_holds_a_line_separator_and_the_file_a_blank_line() -> None:
    content = bytes_of("read_your_own_writes.jsonl")
    assert content.count("\u2028".encode()) == 1
    assert b"\n\n" in content
    assert not content.endswith(b"\n")
    texts = texts_of("read_your_own_writes.jsonl")
    assert len(texts) == 3
    assert "\u2028" in texts["Partición caliente 🌶️"]


def test_one_file_begins_with_a_byte_order_mark() -> None:
    marked = [
        path.name
        for path in (RAPS / "lyrics").iterdir()
        if path.read_bytes().startswith(b"\xef\xbb\xbf")
    ]
    assert marked == ["zeitumstellung.yaml"]
    assert text_of("zeitumstellung.yaml").startswith("Ende Oktober")


def test_spaces_at_both_ends_of_lines_are_kept() -> None:
    trailing = text_of("slowly_changing.yaml").split("\n")
    assert sum(line.endswith("  ") for line in trailing) == 4
    leading = text_of("leveled_up.yaml")
    assert leading.startswith("    I never")
    assert "\n      amplify" in leading


def test_tabs_are_kept() -> None:
    text = text_of("split_brain_in_stereo.yaml")
    assert text.count("\t") == 16
    assert "\n\t\t(shoot the other node)\n" in text


@pytest.mark.parametrize(
    ("file", "ending"),
    [
        ("wraparound.yaml", "e."),
        ("reconcile.yaml", ".\n"),
        ("three_pillars_no_roof.yaml", ".\n\n\n"),
    ],
)
def test_line_breaks_at_the_end_are_kept(file: str, ending: str) -> None:
    assert text_of(file)[-len(ending) :] == ending


def test_document_markers_in_a_text_are_text() -> None:
    text = text_of("merge_to_main_amen.yaml")
    assert "\n--- a/my/pride.yaml\n+++ b/my/pride.yaml\n" in text
    assert "\n# the diff" in text


def test_words_that_yaml_takes_for_truth_values_are_text() -> None:
    text = text_of("norway_problem.yaml")
    assert {"yes", "on", "off", "no", "y"} & set(text.split("\n")) == {
        "yes",
        "on",
        "off",
        "no",
        "y",
    }
    [(_, norwegian)] = [pair for pair in documents("artists") if pair[0] == "fjord_failover.yaml"]
    assert Artist.read(norwegian)["country"] == "NO"


def test_escapes_are_text() -> None:
    text = text_of("escape_artist.yaml")
    assert text.startswith("\\N is")
    for escape in ("\n\\. was", "\\u0000", "'); drop", "{{", "$tag$", "\\\\server", "&amp;"):
        assert escape in text
    assert "\0" not in text


@pytest.mark.parametrize("file", ["bill_shock.yaml", "pager_at_three.yaml"])
def test_emoji_are_kept_with_their_joiners(file: str) -> None:
    text = text_of(file)
    assert any(ord(char) > 0xFFFF for char in text)
    assert "\u200d" in text
    assert re.search("[\U0001f3fb-\U0001f3ff]", text), "no skin tone"


@pytest.mark.parametrize("file", ["ramz_al_awda.yaml", "nuskha_bila_awda.yaml"])
def test_right_to_left_texts_are_in_logical_order(file: str) -> None:
    text = text_of(file)
    directions = Counter(unicodedata.bidirectional(char) for char in text)
    assert directions["AL"] > 250
    assert {unicodedata.bidirectional(line[0]) for line in text.splitlines() if line} == {"AL"}


def test_a_right_to_left_text_has_latin_words_in_it() -> None:
    assert {"ARABIC", "LATIN"} <= scripts(text_of("ramz_al_awda.yaml"))


def test_a_name_in_two_normal_forms_is_one_artist() -> None:
    [document] = [doc for file, doc in documents("lyrics") if file == "saudade_do_primario.yaml"]
    spelt = {credit["artist"] for credit in document["credits"] if "MC" not in credit["artist"]}
    assert len(spelt) == 2
    assert len({unicodedata.normalize("NFC", name) for name in spelt}) == 1
    assert len({credit["artist_id"] for credit in Lyric.read(document)["credits"]}) == 2


# Times


def one_meetup(meetups: list[Record], title: str) -> tuple[Record, ZoneInfo]:
    [meetup] = [meetup for meetup in meetups if meetup["title"] == title]
    return meetup, ZoneInfo(meetup["timezone"])


def test_two_songs_began_at_one_local_time_an_hour_apart(meetups: list[Record]) -> None:
    meetup, zone = one_meetup(meetups, "The Hour That Came Twice")
    starts = [datetime.fromisoformat(p["started_at"]) for p in meetup["performances"]]
    shown = Counter(start.astimezone(zone).replace(tzinfo=None) for start in starts)
    [(when, times)] = shown.most_common(1)
    assert (when, times) == (datetime(2025, 11, 2, 1, 30), 2)  # noqa: DTZ001 - as a clock shows it
    assert len(set(starts)) == len(starts)


def test_one_meetup_spans_a_midnight_that_did_not_exist(meetups: list[Record]) -> None:
    meetup, zone = one_meetup(meetups, "ليلة الصدى")
    starts, ends = (datetime.fromisoformat(meetup[name]) for name in ("starts_at", "ends_at"))
    midnight = datetime(2025, 4, 25, tzinfo=zone)
    assert midnight.astimezone(UTC).astimezone(zone).hour == 1
    assert starts < midnight < ends
    assert ends - starts == timedelta(hours=2, minutes=30)


def test_one_meetup_is_in_another_month_in_utc(meetups: list[Record]) -> None:
    meetup, zone = one_meetup(meetups, "零時会")
    start = datetime.fromisoformat(meetup["starts_at"])
    assert (start.month, start.astimezone(zone).month) == (5, 6)


def test_meetups_are_all_over_the_world_and_online(meetups: list[Record]) -> None:
    assert len({meetup["timezone"].partition("/")[0] for meetup in meetups}) >= 5
    assert {meetup["is_online"] for meetup in meetups} == {True, False}
    assert any(meetup["starts_at"] > meetup["updated_at"] for meetup in meetups), "none is upcoming"
    assert any(meetup["performances"] == [] for meetup in meetups)
