"""The files that are broken on purpose: each has the one fault that two tables promise."""

import re
from pathlib import Path

import yaml

from rap_model import Artist
from rap_model.check import check_corpus

RAPS = Path(__file__).parents[2] / "extract" / "raps"
BROKEN = RAPS / "broken"


def expected() -> list[dict[str, str]]:
    content: list[dict[str, str]] = yaml.safe_load((BROKEN / "expected.yaml").read_text("utf-8"))
    return content


def test_every_broken_file_has_its_one_fault() -> None:
    found = sorted(
        (problem.file, f"$.{problem.field}" if problem.field else "$", problem.code)
        for problem in check_corpus(BROKEN)
    )
    # The check has one code for whatever its reader gives up on; the tap tells formats apart.
    assert found == [
        (
            case["file"],
            case["error_path"],
            "unparsable" if case["found_by"] == "reader" else case["error_code"],
        )
        for case in expected()
    ]


def test_every_broken_file_is_expected() -> None:
    files = sorted(
        path.relative_to(BROKEN).as_posix() for path in BROKEN.glob("*/*") if path.is_file()
    )
    assert [case["file"] for case in expected()] == files
    assert len(files) >= 8


def test_reader_faults_have_no_path() -> None:
    by_reader = [case for case in expected() if case["found_by"] == "reader"]
    assert {case["error_path"] for case in by_reader} == {"$"}
    assert {case["error_code"] for case in by_reader} == {
        "encoding_invalid",
        "json_invalid",
        "yaml_invalid",
    }
    assert {case["found_by"] for case in expected()} == {"reader", "contract"}


def test_every_broken_text_says_what_is_wrong_with_it() -> None:
    mute = [
        case["file"]
        for case in expected()
        if case["file"].endswith(".yaml")
        and "binary" not in case["file"]
        and not (BROKEN / case["file"]).read_bytes().startswith(b"# ")
    ]
    assert mute == []


def test_good_lines_beside_a_bad_one_are_artists_nobody_refers_to() -> None:
    lines = (BROKEN / "artists" / "bad_line.jsonl").read_text("utf-8").splitlines()
    good = [Artist.model_validate(yaml.safe_load(lines[index])) for index in (0, 2)]
    names = {artist.name for artist in good}
    referring = [
        path.name
        for path in RAPS.glob("*/*")
        if path.is_file() and any(name.encode() in path.read_bytes() for name in names)
    ]
    assert len(names) == 2
    assert referring == []


def test_readme_has_the_same_table() -> None:
    readme = (RAPS / "README.md").read_text("utf-8")
    row = re.compile(
        r"^\| `(\w+/[\w.]+)` \| .* \| (\w+) \| `(\$[^`]*)` \| `(\w+)` \|$", re.MULTILINE
    )
    assert row.findall(readme) == [
        (case["file"], case["found_by"], case["error_path"], case["error_code"])
        for case in expected()
    ]
