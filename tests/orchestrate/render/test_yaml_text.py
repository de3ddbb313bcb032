"""What is written as YAML is what is read, by PyYAML and by those who know more booleans."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mixtape.render import yaml_text

LOOK_LIKE_OTHERS = st.sampled_from(
    ["", "1", "0x1F", "1e3", "1_0", ".5", "null", "~", "yes", "On", "true", "2026-11-22", "=", "<<"]
)
TEXTS = LOOK_LIKE_OTHERS | st.text(max_size=200) | st.text("a :#-\n{}'\"|é ", max_size=200)
SCALARS = TEXTS | st.integers() | st.booleans() | st.none()
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=30,
)


@given(st.lists(DOCUMENTS, max_size=3))
def test_documents_are_read_as_they_were(documents: list[Any]) -> None:
    assert _typed(list(yaml.safe_load_all(yaml_text.dump_all(documents)))) == _typed(documents)


def test_one_letter_booleans_are_quoted() -> None:
    assert yaml_text.dump_all([["y", "N"]]) == "---\n- 'y'\n- 'N'\n"


def test_several_lines_stand_as_a_block_and_keys_in_their_order() -> None:
    written = yaml_text.dump_all([{"b": "set -e\nexit 3\n", "a": [{"c": True, "d": 1}], "e": []}])
    assert written == "---\nb: |\n  set -e\n  exit 3\na:\n- c: true\n  d: 1\ne: []\n"


def test_what_no_manifest_has_is_refused() -> None:
    with pytest.raises(TypeError, match="float is nothing that a manifest has"):
        yaml_text.dump_all([{"cpu": 0.5}])


def _typed(value: Any) -> Any:
    """Return a value with its scalars' types, for `True == 1`."""
    if isinstance(value, dict):
        return {key: _typed(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_typed(each) for each in value]
    return (type(value), value)
