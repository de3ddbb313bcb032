"""The marts hold what the files say, compared with a calculation that shares nothing with SQL.

Stands before the files of this room that load more into the shared warehouse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from dbt.adapters.postgres.impl import PostgresAdapter

from transform import expected
from transform.expected.rows import counted, difference, differences
from transform.warehouse import MARTS

if TYPE_CHECKING:
    from transform.expected.rows import Rows
    from transform.warehouse import Warehouse


@pytest.fixture(scope="module")
def calculated(told: expected.Input) -> dict[str, Rows]:
    """Every mart's rows as Python has them."""
    return expected.marts(told)


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("mart", MARTS)
def test_mart_equals_the_calculation_over_both_feeds(
    warehouse: Warehouse, calculated: dict[str, Rows], mart: str
) -> None:
    assert difference(counted(warehouse.rows(mart)), calculated[mart]) == ([], [])
    assert calculated[mart].total() > 0


def test_every_test_of_the_project_passes_on_good_feeds(built: dict[str, str]) -> None:
    # Of an exposure dbt says that there is nothing to do.
    odd = {name: said for name, said in built.items() if said not in {"success", "pass", "no-op"}}
    assert odd == {}


@pytest.mark.usefixtures("built")
def test_a_second_build_changes_nothing(warehouse: Warehouse) -> None:
    before = warehouse.marts()
    warehouse.dbt("build")
    assert differences(warehouse.marts(), before) == {}


@pytest.mark.usefixtures("built")
def test_no_table_counts_as_absent_while_another_thread_lists_its_schema(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = warehouse.marts()
    cached = PostgresAdapter.list_relations

    def none_yet(self: PostgresAdapter, database: str | None, schema: str) -> list[Any]:
        return [] if schema.startswith("raw_") else cached(self, database, schema)

    monkeypatch.setattr(PostgresAdapter, "list_relations", none_yet)
    warehouse.dbt("run")
    assert differences(warehouse.marts(), before) == {}


@pytest.mark.usefixtures("built")
def test_plays_are_joined_by_their_index_and_not_read_whole(warehouse: Warehouse) -> None:
    join = """
        explain select plays.* from (values (gen_random_uuid())) as touched (play_id)
        left join staging.stg_mongo__plays as plays using (play_id)
    """
    with psycopg.connect(warehouse.uri) as connection:
        connection.execute("create index on raw_mongo.plays (play_id)")
        for other in ("seqscan", "hashjoin", "mergejoin"):
            # So few rows are not worth an index, but at volume it must be possible.
            connection.execute(f"set local enable_{other} = off")
        plan = "\n".join(line for (line,) in connection.execute(join))
        connection.rollback()
    assert "Index Cond: (play_id = " in plan, plan


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop, 'don\u2019t'", ["don't", "stop", "don't"]),
        ("rock-'n'-roll", ["rock", "n", "roll"]),
        ("नमस्ते।", ["नमस्ते"]),
        ("\u0645\u06cc\u200c\u062e 👩\u200d🚀", ["\u0645\u06cc'\u062e"]),
        ("1️⃣ ❤️ ŽÁR", ["1", "žár"]),
        ("İki ΟΔΟΣ οδός", ["iki", "οδοσ", "οδόσ"]),
    ],
)
def test_the_calculation_itself_finds_words(text: str, words: list[Any]) -> None:
    assert expected.words(text) == words
