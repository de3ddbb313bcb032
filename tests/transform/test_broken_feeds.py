"""A feed that went wrong is caught by name, and readers keep what they had."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from mixtape.warehouse import BuildError
from transform import broken
from transform.expected.rows import differences
from transform.growing import snapshot

if TYPE_CHECKING:
    from transform.broken import Breakage
    from transform.growing import Growing

STOPPED: dict[str, tuple[Breakage, str]] = {
    "missing key": (broken.missing_key, "error: assert_no_new_play_without_id"),
    "stale files": (broken.stale_files, "error: freshness of files.lyrics"),
    "rows lost": (broken.rows_lost, "error: assert_no_file_lost_rows"),
}


@pytest.mark.parametrize("fault", STOPPED)
def test_a_broken_feed_stops_the_build_and_readers_keep_their_rows(
    growing: Growing, fault: str
) -> None:
    breakage, said = STOPPED[fault]
    before = snapshot(growing.warehouse)
    with breakage(growing), pytest.raises(BuildError):
        growing.build()
    assert said in growing.warehouse.said
    assert differences(snapshot(growing.warehouse), before) == {}


def test_a_wrong_value_stops_the_build_and_is_kept_where_bi_cannot_see_it(
    growing: Growing,
) -> None:
    before = snapshot(growing.warehouse)
    with broken.wrong_enum(growing), pytest.raises(BuildError):
        growing.build()
    assert differences(snapshot(growing.warehouse), before) == {}
    (line,) = [
        line
        for line in growing.warehouse.said.splitlines()
        if line.startswith("build: error: accepted_values_")
    ]
    (kept,) = re.findall(r"failures\.(\w+)", line)
    query = sql.SQL("select * from failures.{}").format(sql.Identifier(kept))
    with growing.warehouse.connect("transformer") as connection:
        assert "lost" in {value for row in connection.execute(query) for value in row}
    with (
        growing.warehouse.connect("bi_reader") as reader,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        reader.execute(query)


def test_half_a_day_and_a_duplicated_file_warn_and_readers_keep_their_rows(
    growing: Growing,
) -> None:
    warnings = ("warning: usual_volume_", "warning: assert_no_entity_in_two_files")
    before = snapshot(growing.warehouse)
    with broken.half_a_day_missing(growing), broken.duplicated_file(growing):
        growing.build()
        assert all(warning in growing.warehouse.said for warning in warnings)
        growing.check()
        after = snapshot(growing.warehouse)
    for name in ("marts.fct_plays", "marts.dim_lyrics", "marts.fct_registrations"):
        assert before[name] <= after[name], name
