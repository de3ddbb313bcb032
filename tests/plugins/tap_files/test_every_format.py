"""What holds for every format: the same table gives the same records, and a cut run goes on."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.tapped import SONGS, Folder
from fixtures.written import COMPRESSIONS, FORMATS, zipped
from tap_files import sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "text": {"type": "string"},
        "whole": {"type": ["integer", "null"]},
        "real": {"type": ["number", "null"]},
        "flag": {"type": ["boolean", "null"]},
        "many": {"type": ["array", "null"]},
    },
}
DECLARED = {**SONGS, "schema": SCHEMA}

# Everything but what YAML's text or PostgreSQL's cannot hold.
_text = st.text(
    st.characters(
        exclude_categories=["Cs"],
        exclude_characters=[
            *map(chr, range(32)),
            *map(chr, range(0x7F, 0xA0)),
            "\ufffe",
            "\uffff",
            "\ufeff",
        ],
    )
    | st.sampled_from('\n\t",;:#&*[]{}|>%@`'),
    max_size=20,
)
_rows = st.lists(
    st.fixed_dictionaries(
        {
            "text": _text,
            "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
            "real": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "flag": st.none() | st.booleans(),
            "many": st.none() | st.lists(_text, max_size=3),
        }
    ),
    min_size=1,
    max_size=6,
).map(lambda rows: [{"title": f"t{number}", **row} for number, row in enumerate(rows)])


def plain(data: bytes) -> bytes:
    return data


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[], Folder]:
    """A new folder for each example."""
    numbers = iter(range(10**6))

    def make() -> Folder:
        root = tmp_path / f"{next(numbers)}"
        root.mkdir()
        return Folder(root)

    return make


@pytest.mark.parametrize("ending", ["", *COMPRESSIONS, "zip"])
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=_rows)
def test_a_table_gives_the_same_records_in_every_format(
    fresh: Callable[[], Folder], ending: str, rows: list[dict[str, Any]]
) -> None:
    same_records(fresh(), ending, rows)


@pytest.mark.long
@pytest.mark.parametrize("ending", ["", *COMPRESSIONS, "zip"])
@settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=_rows)
def test_a_table_gives_the_same_records_in_every_format_500_times(
    fresh: Callable[[], Folder], ending: str, rows: list[dict[str, Any]]
) -> None:
    same_records(fresh(), ending, rows)


def same_records(folder: Folder, ending: str, rows: list[dict[str, Any]]) -> None:
    written = {f"a.{name}": write(rows) for name, write in FORMATS.items()}
    if ending == "zip":
        files = {f"songs/{name}.zip": zipped({name: data}) for name, data in written.items()}
    else:
        compress = COMPRESSIONS.get(ending, plain)
        dotted = f".{ending}" if ending else ""
        files = {f"songs/{name}{dotted}": compress(data) for name, data in written.items()}
    for key, data in files.items():
        folder.put(key, data)
    output = folder.tap(streams=[DECLARED])
    assert output.records("songs__rejected") == []
    for key in files:
        found = [r for r in output.records("songs") if r["_sdc_source_file"] == key]
        assert [{name: r.get(name) for name in rows[0]} for r in found] == rows, key


@pytest.mark.parametrize("ending", FORMATS)
def test_a_run_that_was_cut_off_anywhere_goes_on_at_its_line(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(sync, "STATE_SECONDS", 0.0)
    monkeypatch.setattr(sync, "PAUSE_DOCUMENTS", 1)
    rows = [{"title": f"t{number}", "text": "two\nlines"} for number in range(7)]
    folder.put(f"songs/a.{ending}", FORMATS[ending](rows))
    whole = folder.tap(streams=[DECLARED])
    lines = [(r["title"], r["_sdc_source_lineno"]) for r in whole.records("songs")]
    assert [title for title, _ in lines] == [row["title"] for row in rows]
    assert len({line for _, line in lines}) == 7
    seen = 0
    cuts = set()
    for message in whole.messages:
        seen += message["type"] == "RECORD" and message["stream"] == "songs"
        if message["type"] == "STATE":
            rest = folder.tap(json.loads(json.dumps(message["value"])), streams=[DECLARED])
            found = [(r["title"], r["_sdc_source_lineno"]) for r in rest.records("songs")]
            assert found == lines[seen:]
            cuts.add(seen)
    assert cuts == set(range(1, 8))


def test_each_format_says_on_which_line_a_record_begins(folder: Folder) -> None:
    rows = [{"title": "one", "text": "a\nb"}, {"title": "two", "text": "c"}]
    for ending, write in FORMATS.items():
        folder.put(f"songs/a.{ending}", write(rows))
    folder.put("songs/a.log", "one\n\ntwo")
    logs = {"name": "logs", "prefix": "songs/", "pattern": r"\.log$", "format": "text"}
    output = folder.tap(streams=[DECLARED, logs])
    found: dict[str, list[int]] = {}
    for record in [*output.records("songs"), *output.records("logs")]:
        ending = record["_sdc_source_file"].split(".")[1]
        found.setdefault(ending, []).append(record["_sdc_source_lineno"])
    assert found == {
        "yaml": [1, 4],
        "json": [2, 6],
        "jsonl": [1, 2],
        "csv": [2, 4],
        "parquet": [1, 2],
        "log": [1, 3],
    }
    assert [record["document"] for record in output.records("logs")] == [
        {"text": "one"},
        {"text": "two"},
    ]


# The peak of this program alone: getrusage() would count the process that it was forked from.
CODE = """
import sys
from pathlib import Path
from tap_files import main
try:
    main()
finally:
    peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    print(peak, file=sys.stderr)
"""


def large(ending: str) -> Iterator[bytes]:
    rng = random.Random(1)
    words = [f"{rng.getrandbits(64):x}" for _ in range(1_000)]
    rows = [
        {"title": f"t{n}", "text": " ".join(rng.choices(words, k=60)), "whole": n}
        for n in range(1_000)
    ]
    data = FORMATS[ending](rows)
    if ending == "json":
        inner = data.strip()[1:-1]
        yield b"[" + inner
        yield from (b"," + inner for _ in range(40))
        yield b"]"
    else:
        header, _, body = data.partition(b"\n")
        yield header + b"\n" + body
        yield from (body for _ in range(40))


@pytest.mark.parametrize("ending", ["json", "csv"])
def test_a_large_file_is_read_in_memory_that_does_not_grow(
    folder: Folder, tmp_path: Path, ending: str
) -> None:
    path = folder.root / "songs" / f"a.{ending}"
    path.parent.mkdir()
    with path.open("wb") as file:
        file.writelines(large(ending))
    assert path.stat().st_size > 40_000_000
    config = tmp_path / "config.json"
    config.write_text(json.dumps(folder.config(streams=[DECLARED])))
    with (tmp_path / "out").open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-c", CODE, "--config", str(config)],
            stdout=out,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            timeout=300,
            check=True,
        )
    assert int(done.stderr.split()[-1]) < 200 * 1024
    with (tmp_path / "out").open("rb") as out:
        assert sum(b'"RECORD","stream":"songs"' in line for line in out) == 41_000
