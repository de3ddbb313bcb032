"""The check of authored raps: strict, across files, and with file, line and field."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rap_model.__main__ import main
from rap_model.check import check_corpus

ARTIST = "schema_version: 1\nname: Kube Cutz\nupdated_at: 2026-01-12T09:00:00Z\n"
LYRIC = """\
schema_version: 1
title: Drain the Node
credits:
  - artist: Kube Cutz
    role: singer
updated_at: 2026-01-12T09:00:00Z
lyrics: |
  Cordon the box
"""
MEETUP = """\
schema_version: 1
title: DoK Vienna
starts_at: 2026-03-19T18:00:00+01:00
timezone: Europe/Vienna
is_online: false
performances:
  - lyric: Drain the Node
    artist: Kube Cutz
updated_at: 2026-01-12T09:00:00Z
"""

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())

    write_file("artists/kube.yaml", ARTIST)
    write_file("lyrics/drain.yaml", LYRIC)
    write_file("meetups/vienna.yaml", MEETUP)
    return write_file


def found(folder: Path) -> list[str]:
    return [str(problem) for problem in check_corpus(folder)]


def test_corpus_that_joins_up_is_well(
    tmp_path: Path, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    assert found(tmp_path) == []
    assert main(["check", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path}: all is well\n"


def test_problem_names_file_line_field_what_was_found_and_what_is_right(
    tmp_path: Path, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write("lyrics/drain.yaml", LYRIC.replace("role: singer", "role: dancer"))
    line = (
        "lyrics/drain.yaml:5: credits[0].role: found text; "
        "must be one of singer, featured, lyricist, producer"
    )
    assert found(tmp_path) == [line]
    assert main(["check", str(tmp_path)]) == 1
    assert capsys.readouterr().out == f"{line}\n{tmp_path}: 1 to put right\n"


def test_second_document_of_a_file_has_lines_of_its_own(tmp_path: Path, write: Write) -> None:
    write("artists/two.yaml", f"{ARTIST.replace('Kube Cutz', 'X')}---\n{ARTIST}mood: low\n")
    assert found(tmp_path) == [
        "artists/two.yaml:5: is the artist of artists/kube.yaml:1 again; keep one of them",
        "artists/two.yaml:8: mood: is no field of Artist; remove it, or say it in notes",
    ]


def test_unknown_field_is_refused_with_the_field_that_may_be_meant(
    tmp_path: Path, write: Write
) -> None:
    write("lyrics/drain.yaml", f"{LYRIC}langauge: en\n")
    assert found(tmp_path) == [
        "lyrics/drain.yaml:9: langauge: is no field of Lyric; did you mean language?"
    ]


def test_unknown_field_of_a_credit_is_found_on_its_line(tmp_path: Path, write: Write) -> None:
    write("lyrics/drain.yaml", LYRIC.replace("role: singer", "role: singer\n    since: 2019"))
    [problem] = check_corpus(tmp_path)
    assert (problem.line, problem.field, problem.code) == (6, "credits[0].since", "field_unknown")


def test_credit_of_an_artist_nobody_wrote(tmp_path: Path, write: Write) -> None:
    write("artists/kube.yaml", ARTIST.replace("Kube Cutz", "Kube Kutz"))
    assert found(tmp_path)[0] == (
        "lyrics/drain.yaml:4: credits[0].artist: no artist of this folder is called Kube Cutz; "
        "correct it or add the artist; did you mean Kube Kutz?"
    )


def test_artist_with_an_id_of_its_own_is_referred_to_by_it(tmp_path: Path, write: Write) -> None:
    given = "6f1f7a52-2c5b-5d0e-8c63-0b8a4a3b9d11"
    write("artists/kube.yaml", f"artist_id: {given}\n{ARTIST}")
    assert f"must be artist_id: {given}" in found(tmp_path)[0]
    by_id = LYRIC.replace("artist: Kube Cutz", f"artist_id: {given}")
    write("lyrics/drain.yaml", by_id)
    write("meetups/vienna.yaml", MEETUP.replace("artist: Kube Cutz", f"artist_id: {given}"))
    assert found(tmp_path) == []


def test_performance_of_a_lyric_nobody_wrote(tmp_path: Path, write: Write) -> None:
    write("meetups/vienna.yaml", MEETUP.replace("Drain the Node", "Drain the Swamp"))
    [problem] = check_corpus(tmp_path)
    assert (problem.file, problem.line, problem.field) == (
        "meetups/vienna.yaml",
        7,
        "performances[0].lyric",
    )
    assert problem.code == "lyric_unknown"


def test_faulty_artist_is_one_problem_and_not_one_for_each_credit(
    tmp_path: Path, write: Write
) -> None:
    write("artists/kube.yaml", f"{ARTIST}country: Austria\n")
    assert [problem.code for problem in check_corpus(tmp_path)] == ["country_expected"]


def test_schema_version_is_asked_for_but_not_in_the_first_format(
    tmp_path: Path, write: Write
) -> None:
    write("lyrics/drain.yaml", "song_name: Drain the Node\nsinger: Kube Cutz\nlyrics: x\n")
    assert found(tmp_path) == []
    write("artists/kube.yaml", ARTIST.replace("schema_version: 1\n", ""))
    assert found(tmp_path) == ["artists/kube.yaml:1: schema_version: is missing; must be 1"]


def test_field_of_the_first_format_is_named_as_it_was_written(tmp_path: Path, write: Write) -> None:
    document = "song_name: Drain the Node\nsinger: Kube Cutz\nlyrics: x\ndate_of_release: 2019\n"
    write("lyrics/drain.yaml", document)
    assert found(tmp_path) == [
        "lyrics/drain.yaml:4: date_of_release: found a number; must be a date written YYYY-MM-DD"
    ]


def test_missing_reference_says_how_it_may_be_written(tmp_path: Path, write: Write) -> None:
    write("lyrics/drain.yaml", LYRIC.replace("artist: Kube Cutz\n    role", "role"))
    assert found(tmp_path)[0] == (
        "lyrics/drain.yaml:4: credits[0].artist_id: is missing; must be there, or artist: its name"
    )


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("artists/a.yaml", "name: [", 2),
        ("artists/a.yaml", "name: X\nname: Y\n", 2),
        ("artists/a.yaml", "name: X\nage: !!int old\n", 1),
        ("artists/a.json", '{"name": "X",\n "name": "Y"}', 1),
        ("artists/a.json", '{"name": "X",\n oops}', 2),
        ("artists/a.jsonl", f'{{"name":\n{ARTIST}', 1),
    ],
)
def test_file_that_cannot_be_read_is_one_problem(
    tmp_path: Path, write: Write, name: str, text: str, line: int
) -> None:
    write(name, text)
    [problem] = check_corpus(tmp_path)
    assert (problem.file, problem.line, problem.code) == (name, line, "unparsable")


def test_file_that_is_no_text_is_named_with_its_line(tmp_path: Path, write: Write) -> None:
    (tmp_path / "artists/kube.yaml").write_bytes(b"schema_version: 1\nname: \xff\xfe\n")
    assert "artists/kube.yaml:2: must be text in UTF-8" in found(tmp_path)


def test_file_of_another_kind_is_refused_and_hidden_ones_are_not_looked_at(
    tmp_path: Path, write: Write
) -> None:
    write("lyrics/notes.txt", "x")
    write("lyrics/.keep", "")
    assert found(tmp_path) == ["lyrics/notes.txt:1: must end in .yaml, .yml, .json, .jsonl"]


def test_json_array_and_json_lines_are_read_with_their_lines(tmp_path: Path, write: Write) -> None:
    when = '"updated_at": "2026-01-12T09:00:00Z"'
    write(
        "artists/more.json",
        f'[\n  {{"schema_version": 1, "name": "A", {when}}},\n\n  {{"schema_version": 1, {when}}}]',
    )
    write("artists/lines.jsonl", f'{{"schema_version": 1, "name": "B\u2028", {when}}}\n\n{{}}')
    places = {(problem.file, problem.line) for problem in check_corpus(tmp_path)}
    assert places == {("artists/more.json", 4), ("artists/lines.jsonl", 3)}


def test_yaml_is_read_as_version_1_2_says(tmp_path: Path, write: Write) -> None:
    write("artists/kube.yaml", f"{ARTIST}country: NO\n")
    write("lyrics/drain.yaml", f"{LYRIC}album: 12:30\nnotes: on\n")
    assert found(tmp_path) == []


def test_empty_folder_is_a_problem(tmp_path: Path) -> None:
    assert [problem.code for problem in check_corpus(tmp_path)] == ["corpus_empty"]
