"""Sketches: what two sets of file versions do not share, from cells that do not grow."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tap_files.sketch import Sketch

SIZE = 300
versions = st.dictionaries(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=40),
    st.text("abcXYZ019-_", min_size=8, max_size=8),
    max_size=60,
)


def test_an_unread_sketch_is_none() -> None:
    for found in (None, 5, "", "no base64!", "kw==", "AAAA"):
        assert Sketch.read(found) is None


@given(versions, versions)
def test_what_differs_is_given_back(left: dict[str, str], right: dict[str, str]) -> None:
    found = Sketch.of(SIZE, left.items()).difference(Sketch.of(SIZE, right.items()))
    assert found is not None
    assert found.only_left == dict(left.items() - right.items())
    assert found.only_right == dict(right.items() - left.items())


@given(versions)
def test_text_is_read_back(held: dict[str, str]) -> None:
    sketch = Sketch.read(Sketch.of(SIZE, held.items()).text())
    assert sketch is not None
    found = sketch.difference(Sketch(SIZE))
    assert found is not None
    assert found.only_left == held


def test_a_few_differences_among_very_many_versions_are_found() -> None:
    rng = random.Random(1)
    many = {f"raps/{n:08}.yaml": f"{rng.getrandbits(48):08x}"[-8:].zfill(8) for n in range(30_000)}
    left, right = Sketch.of(1_428, many.items()), Sketch(1_428)
    gone = set(rng.sample(sorted(many), 1_000))
    right = Sketch.of(1_428, ((key, etag) for key, etag in many.items() if key not in gone))
    found = left.difference(right)
    assert found is not None
    assert found.only_left.keys() == gone
    assert not found.only_right
    assert len(left.text()) < 150_000


def test_too_many_differences_are_said_and_never_guessed() -> None:
    for count in (300, 1_000, 10_000):
        held = Sketch.of(SIZE, ((f"k{n}", f"{n:08}") for n in range(count)))
        assert held.difference(Sketch(SIZE)) is None
