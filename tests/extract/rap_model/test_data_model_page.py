"""docs/data-model.md: its examples are read by the models, and its tables name every field."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rap_model import Artist, Credit, Lyric, Meetup, Performance, Play, Registration
from rap_model.base import Entity, Row
from rap_model.streams import STREAMS

PAGE = (Path(__file__).parents[3] / "docs" / "data-model.md").read_text(encoding="utf-8")
EXAMPLES: list[dict[str, Any]] = [
    yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
]


@pytest.mark.parametrize(
    ("model", "example"), [*zip((Artist, Lyric, Meetup), EXAMPLES, strict=True)]
)
def test_example_satisfies_its_model(model: type[Entity], example: dict[str, Any]) -> None:
    assert model.read(example)
    assert model.unknown_fields(example) == {}


def test_example_performances_lead_to_the_example_lyric() -> None:
    _, lyric, meetup = EXAMPLES
    lyric_ids = {row["lyric_id"] for row in Meetup.read(meetup)["performances"]}
    assert lyric_ids == {Lyric.read(lyric)["lyric_id"]}


@pytest.mark.parametrize("model", [Artist, Lyric, Credit, Meetup, Performance, Registration, Play])
def test_entity_table_names_every_field_and_which_are_required(model: type[Row]) -> None:
    rows = PAGE.partition(f"| **{model.__name__}** ")[2].partition("| **")[0].partition("\n\n")[0]
    cells = [row.strip("| ").split(" | ")[0] for row in rows.split("\n") if row.strip("| ")]
    named = [name.strip() for cell in cells for name in cell.split(",")]
    schema = model.singer_schema()
    assert {name.removesuffix(" ●") for name in named} == schema["properties"].keys()
    required = set(schema["required"]) - {"performances"}  # there, but empty when none are written
    assert {name.removesuffix(" ●") for name in named if name.endswith("●")} == required


def test_stream_table_names_every_stream_with_its_key() -> None:
    for stream in STREAMS:
        assert re.search(rf"\| `{stream.name}` \| .* \| {', '.join(stream.key)} \|", PAGE)
