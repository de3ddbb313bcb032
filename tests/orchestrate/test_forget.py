"""What old events say of their documents is forgotten, and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mixtape.forget import forget
from mixtape.paths import project_root

if TYPE_CHECKING:
    from typing import Any

    from fixtures.fix_meltano import Project
    from fixtures.fix_postgres import Database

DAYS = 90
EVENTS = """
    create table raw_mongo.{name} (
        replication_key text primary key, object_id text, document jsonb, operation_type text,
        cluster_time timestamptz, namespace jsonb, update_description jsonb, _sdc_lsn bigint,
        _sdc_batched_at timestamptz
    );
    create index on raw_mongo.{name} (_sdc_batched_at);
    insert into raw_mongo.{name}
    select
        'token ' || at, 'id ' || at, jsonb_build_object('n', at), 'update', now(),
        '{{"collection": "{name}"}}', case when at % 2 = 0 then '{{}}'::jsonb end, at,
        -- Many rows of one load have one time.
        now() - make_interval(days => at / 10)
    from generate_series(0, 1199) as at
"""
EVERYTHING_ELSE = """
    select replication_key, object_id, operation_type, cluster_time, namespace, _sdc_lsn,
        _sdc_batched_at
    from raw_mongo.{name} order by 1
"""
KEPT = """
    select count(*) filter (where document is not null or update_description is not null),
        count(*) filter (where _sdc_batched_at >= now() - make_interval(days => {days}))
    from raw_mongo.{name}
"""


def rows(database: Database, query: str, **values: Any) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(query.format(**values).encode()).fetchall()


@pytest.fixture
def events(database: Database) -> Database:
    """Two tables of events, and two that look like it but are none."""
    with database.connect() as connection:
        connection.execute("create schema raw_mongo")
        for name in ("plays__changes", "odd__changes"):
            connection.execute(EVENTS.format(name=name).encode())
        connection.execute("create table raw_mongo.plays (document jsonb, _sdc_batched_at date)")
        connection.execute("create table raw_mongo.playsxxchanges (like raw_mongo.plays__changes)")
        connection.execute("insert into raw_mongo.plays values ('{}', '2000-01-01')")
        connection.execute(
            "insert into raw_mongo.playsxxchanges select * from raw_mongo.plays__changes"
        )
    return database


@pytest.mark.parametrize("chunk", [7, 10_000])
def test_documents_of_old_events_go_and_all_else_stays(events: Database, chunk: int) -> None:
    before = rows(events, EVERYTHING_ELSE, name="plays__changes")
    with events.connect() as connection:
        done = forget(connection, "raw_mongo", DAYS, chunk=chunk)
        again = forget(connection, "raw_mongo", DAYS, chunk=chunk)
    assert {one.table: one.events for one in done} == {
        "odd__changes": 300,
        "plays__changes": 300,
    }
    assert [one.events for one in again] == [0, 0]
    assert rows(events, EVERYTHING_ELSE, name="plays__changes") == before
    assert rows(events, KEPT, name="plays__changes", days=DAYS) == [(900, 900)]
    assert rows(events, "select count(document) from raw_mongo.playsxxchanges") == [(1200,)]
    assert rows(events, "select count(document) from raw_mongo.plays") == [(1,)]


def test_without_a_number_of_days_nothing_is_forgotten(events: Database) -> None:
    with events.connect() as connection:
        assert forget(connection, "raw_mongo", 0) == []
    assert rows(events, KEPT, name="plays__changes", days=10_000) == [(1200, 1200)]


def test_the_warehouse_reads_nothing_of_an_event_that_is_forgotten() -> None:
    """A full refresh finds the same rows as long as this is so."""
    models = sorted((project_root() / "transform" / "models").rglob("stg_mongo__*_changes.sql"))
    assert len(models) == 5
    for model in models:
        text = model.read_text(encoding="utf-8")
        assert not re.search(r"\b(document|update_description)\b|select \*\s+from \{\{", text)


def test_the_project_forgets_as_the_loader_after_90_days(project: Project) -> None:
    with project.database.connect() as connection:
        connection.execute("set role loader")
        connection.execute(EVENTS.format(name="plays__changes").encode())
    run = project.run("forget-events")
    assert "plays__changes: documents of 300 events forgotten" in run.log
    assert project.rows(KEPT.format(name="plays__changes", days=DAYS)) == [(900, 900)]
