"""The generator: the same bytes for the same seed, all of it valid and joined up."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from rap_model import Artist, Lyric, Meetup, Play, Registration, normalise
from rap_model.base import Entity
from rap_model.check import check_corpus
from rap_model.corpus import LAYOUTS, generate, write

KINDS: dict[str, type[Entity]] = {"artists": Artist, "lyrics": Lyric, "meetups": Meetup}
LYRICS = 1500
AUTHORED = Path(__file__).parents[3] / "extract" / "raps"

Records = dict[str, list[dict[str, Any]]]


def written(lyrics: int, seed: int, layout: str, files: int | None = None) -> dict[str, bytes]:
    kept: dict[str, bytes] = {}
    count = write(kept.__setitem__, lyrics=lyrics, seed=seed, layout=layout, files=files)
    assert count == len(kept)
    return kept


def read_back(kept: dict[str, bytes]) -> Records:
    """Return the records of generated files, by kind, in the order of the files."""
    records: Records = {kind: [] for kind in KINDS}
    for key, content in sorted(kept.items()):
        kind, _, _ = key.partition("/")
        if key.endswith(".jsonl"):
            documents = [json.loads(line) for line in content.decode().split("\n") if line]
        else:
            documents = list(yaml.load_all(content, Loader=yaml.CSafeLoader))
        records[kind].extend(KINDS[kind].read(document) for document in documents)
    return records


@pytest.fixture(scope="module")
def records() -> Records:
    corpus = generate(LYRICS, seed=5)
    return {
        "artists": [Artist.read(document) for document in corpus.artists()],
        "lyrics": [Lyric.read(document) for document in corpus.lyrics()],
        "meetups": [Meetup.read(document) for document in corpus.meetups()],
        "registrations": [Registration.read(document) for document in corpus.registrations()],
        "plays": [Play.read(document) for document in corpus.plays()],
    }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_same_seed_same_bytes(layout: str) -> None:
    assert written(300, 1, layout) == written(300, 1, layout)
    assert written(300, 1, layout) != written(300, 2, layout)


def test_another_seed_is_another_corpus() -> None:
    one, other = (list(generate(300, seed).lyrics()) for seed in (1, 2))
    for field in ("title", "video_url", "lyrics", "updated_at"):
        values = [{document.get(field) for document in corpus} - {None} for corpus in (one, other)]
        assert len(values[0] & values[1]) < 0.1 * len(values[0]), field


def test_layouts_hold_the_same_records() -> None:
    assert read_back(written(300, 1, "jsonl")) == read_back(written(300, 1, "yaml"))


def test_documents_are_the_same_in_any_number_of_files() -> None:
    in_one, in_seven = written(300, 1, "jsonl", files=1), written(300, 1, "jsonl", files=7)
    assert len([key for key in in_seven if key.startswith("lyrics/")]) == 7
    assert read_back(in_one) == read_back(in_seven)


def test_generated_files_pass_the_check_of_authored_ones(tmp_path: Path) -> None:
    for layout in LAYOUTS:
        folder = tmp_path / layout
        for key, content in written(250, 1, layout).items():
            (folder / key).parent.mkdir(parents=True, exist_ok=True)
            (folder / key).write_bytes(content)
        assert [str(problem) for problem in check_corpus(folder)] == []


def test_every_id_is_there_once(records: Records) -> None:
    for kind, rows in records.items():
        ids = [row[f"{kind[:-1]}_id"] for row in rows]
        assert len(set(ids)) == len(ids) > 0


def test_everything_joins_up(records: Records) -> None:
    artists = {row["artist_id"] for row in records["artists"]}
    lyrics = {row["lyric_id"] for row in records["lyrics"]}
    meetups = {row["meetup_id"] for row in records["meetups"]}
    performances = [row for meetup in records["meetups"] for row in meetup["performances"]]
    credits_ = [row for lyric in records["lyrics"] for row in lyric["credits"]]
    assert {row["artist_id"] for row in [*credits_, *performances, *records["plays"]]} <= artists
    assert {row["lyric_id"] for row in [*performances, *records["plays"]]} <= lyrics
    assert {row["meetup_id"] for row in records["registrations"]} == meetups
    assert performances


def test_nothing_happens_before_it_can(records: Records) -> None:
    debut = {row["artist_id"]: row["debut_date"] for row in records["artists"]}
    released = {row["lyric_id"]: row["released_date"] for row in records["lyrics"]}
    for lyric in records["lyrics"]:
        lead = lyric["credits"][0]["artist_id"]
        assert debut[lead] <= lyric["released_date"] <= lyric["updated_at"]
    for play in records["plays"]:
        assert play["played_at"] >= released[play["lyric_id"]]
    for meetup in records["meetups"]:
        for row in meetup["performances"]:
            assert released[row["lyric_id"]] <= meetup["starts_at"] <= row["started_at"]


def test_texts_have_the_size_and_the_characters_of_real_ones(records: Records) -> None:
    texts = [row["lyrics"] for row in records["lyrics"]]
    sizes = [len(text.encode()) for text in texts]
    assert min(sizes) >= 600
    assert 650 <= sum(sizes) / len(sizes) <= 900
    assert max(sizes) <= 1000
    assert all("\n" in text and '"' in text for text in texts)
    letters = set("".join(texts))
    assert {"🔥", "д", "眠", "ق", "न", "節", "ü", "노"} <= letters
    assert len({row["language"] for row in records["lyrics"]}) > 8


def test_few_have_most_and_releases_go_over_years(records: Records) -> None:
    plays = Counter(row["lyric_id"] for row in records["plays"])
    top_tenth = sum(count for _, count in plays.most_common(LYRICS // 10))
    assert top_tenth > 0.25 * plays.total()
    leads = Counter(row["credits"][0]["artist_id"] for row in records["lyrics"])
    assert leads.most_common(1)[0][1] > 3 * LYRICS / len(records["artists"])
    years = {row["released_date"][:4] for row in records["lyrics"]}
    assert len(years) > 10


def test_larger_corpus_keeps_names_and_titles_apart() -> None:
    corpus = generate(40_000, seed=9)
    names = [normalise(document["name"]) for document in corpus.artists()]
    assert len(set(names)) == len(names) == 1600
    titles = [corpus._title(number) for number in range(0, 100_000, 3)]
    assert len(set(titles)) == len(titles)
    assert all(one != other for one, other in pairwise(titles))


def test_generated_raps_never_meet_authored_ones() -> None:
    authored = "\n".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in (AUTHORED / "artists").iterdir()
    )
    names = [document["name"] for document in generate(40_000, seed=1).artists()]
    assert [name for name in names if f"name: {name}\n" in authored] == []


def test_corpus_has_one_lyric_at_least() -> None:
    with pytest.raises(ValueError, match="one lyric or more"):
        generate(0, seed=1)


def test_unknown_layout_is_refused() -> None:
    with pytest.raises(ValueError, match="one of jsonl, yaml, not csv"):
        written(1, 1, "csv")
