"""A feed that went wrong is caught by name, and readers keep what they had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from mixtape.warehouse import BuildError
from transform import broken
from transform.growing import snapshot

if TYPE_CHECKING:
    from transform.broken import Breakage
    from transform.growing import Growing

STOPPED: dict[str, tuple[Breakage, str]] = {
    "missing key": (broken.missing_key, "error: not_null_"),
    "wrong enum": (broken.wrong_enum, "error: accepted_values_"),
    "stale files": (broken.stale_files, "error: freshness of files.lyrics"),
    "rows lost": (broken.rows_lost, "error: assert_no_file_lost_rows"),
}
WARNED: dict[str, tuple[Breakage, str]] = {
    "half a day missing": (broken.half_a_day_missing, "warning: usual_volume_"),
    "duplicated file": (broken.duplicated_file, "warning: assert_no_entity_in_two_files"),
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
    assert snapshot(growing.warehouse) == before


def test_the_rows_that_a_test_found_are_kept_where_bi_cannot_see_them(growing: Growing) -> None:
    with broken.wrong_enum(growing), pytest.raises(BuildError):
        growing.build()
    (kept,) = [
        word.removeprefix("failures.")
        for line in growing.warehouse.said.splitlines()
        if line.startswith("build: error: accepted_values_")
        for word in line.split()
        if word.startswith("failures.")
    ]
    query = sql.SQL("select * from failures.{}").format(sql.Identifier(kept))
    with growing.warehouse.connect("transformer") as connection:
        assert "lost" in {value for row in connection.execute(query) for value in row}
    with (
        growing.warehouse.connect("bi_reader") as reader,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        reader.execute(query)


@pytest.mark.parametrize("fault", WARNED)
def test_an_unusual_feed_warns_and_readers_keep_their_rows(growing: Growing, fault: str) -> None:
    breakage, said = WARNED[fault]
    before = snapshot(growing.warehouse)
    with breakage(growing):
        growing.build()
        assert said in growing.warehouse.said
        growing.check()
        after = snapshot(growing.warehouse)
    for name, rows in before.items():
        if name not in ("marts.fct_lyric_days", "marts.fct_artist_months"):
            assert rows <= after[name], name
    growing.build()
    assert said not in growing.warehouse.said
    growing.check()
