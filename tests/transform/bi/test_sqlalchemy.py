"""What a BI tool on SQLAlchemy sees as the BI role: a catalogue that explains itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy

from transform.bi.queries import queries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def engine(bi_reader_uri: str) -> Iterator[sqlalchemy.Engine]:
    """SQLAlchemy, connecting as the BI role."""
    uri = bi_reader_uri.replace("postgresql", "postgresql+psycopg", 1)
    engine = sqlalchemy.create_engine(uri)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def catalogue(engine: sqlalchemy.Engine) -> sqlalchemy.MetaData:
    """The public models as SQLAlchemy reflects them."""
    metadata = sqlalchemy.MetaData(schema="marts")
    metadata.reflect(engine, views=True)
    return metadata


def test_every_table_and_column_explains_itself(catalogue: sqlalchemy.MetaData) -> None:
    assert len(catalogue.tables) >= 20
    unexplained = [
        str(each)
        for table in catalogue.tables.values()
        for each in (table, *table.columns)
        if not each.comment
    ]
    assert unexplained == []


def test_every_table_has_its_key_and_facts_lead_to_their_dimensions(
    catalogue: sqlalchemy.MetaData,
) -> None:
    keyless = {table.name for table in catalogue.tables.values() if not list(table.primary_key)}
    assert keyless == {name.partition(".")[2] for name in catalogue.tables if ".metric_" in name}
    joined = {
        (key.parent.name, key.column.table.name, key.column.name)
        for key in catalogue.tables["marts.fct_meetup_performances"].foreign_keys
    }
    assert joined == {
        ("artist_id", "dim_artists", "artist_id"),
        ("lyric_id", "dim_lyrics", "lyric_id"),
        ("meetup_id", "dim_meetups", "meetup_id"),
    }


def test_each_exposures_queries_run(engine: sqlalchemy.Engine, project_root: Path) -> None:
    with engine.connect() as connection:
        rows = {
            name: len(connection.execute(sqlalchemy.text(query.replace("::", r"\:\:"))).all())
            for name, query in queries(project_root).items()
        }
    assert len(rows) >= 13
    assert [name for name, number in rows.items() if number == 0] == []
