"""The live application's changes, and what is served from Cassandra: each job in its pod."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from orchestrate.cluster.application import COLLECTIONS
from orchestrate.cluster.kube import pods_of

if TYPE_CHECKING:
    from orchestrate.cluster.runs import Cluster

pytestmark = pytest.mark.cluster

_DAYS = [date(2026, 1, 1) + timedelta(days=number) for number in range(5)]


def test_changes_become_rows(cluster: Cluster) -> None:
    live = cluster.platform.live
    cluster.run("changes")
    assert _loaded(cluster) == live.statuses()
    live.application.go_on(60)
    uid = cluster.run("changes")["metadata"]["uid"]
    assert _loaded(cluster) == live.statuses()
    ((written,),) = cluster.rows(
        "select sum(rows_in) from raw_mongo._sdc_loads"
        f" where run_id = '{uid}' and stream in {COLLECTIONS}"
    )
    assert 0 < written <= 60, "the second run took the changes alone"


def test_backfill_reads_all_again_and_leaves_the_bookmark_alone(cluster: Cluster) -> None:
    live = cluster.platform.live
    cluster.run("changes")
    before = cluster.states()
    # One row is lost, and one was brought by a snapshot that is newer than any can be.
    ((lost,), (newer,)) = cluster.rows(
        "select _id from raw_mongo.plays where _sdc_deleted_at is null order by _id limit 2"
    )
    with cluster.platform.database.connect() as connection:
        connection.execute("delete from raw_mongo.plays where _id = %s", (lost,))
        connection.execute(
            "update raw_mongo.plays set country = 'XX', _sdc_lsn = %s, _sdc_table_version = %s"
            " where _id = %s",
            (2**62, 2**62, newer),
        )

    ended = cluster.succeeded(cluster.backfill("changes", _DAYS), 900)

    assert len([node for node in pods_of(ended) if node["templateName"].endswith("-day")]) == 5
    after = cluster.states()
    assert {key: after[key] for key in before} == before, "the same bytes"
    added = after.keys() - before.keys()
    assert len([key for key in added if ":backfill-" in key and "tap-mongodb" in key]) == 5
    assert cluster.rows(f"select country from raw_mongo.plays where _id = '{newer}'") == [("XX",)]
    assert _loaded(cluster) == live.statuses(), "the lost row is back"
    # And the schedule's own run, whose bookmark knows nothing of it, goes on.
    live.application.go_on(60)
    cluster.run("changes")
    assert _loaded(cluster) == live.statuses()


def test_old_events_are_forgotten(cluster: Cluster) -> None:
    cluster.run("changes")
    cluster.platform.live.application.go_on(60)
    cluster.run("changes")
    events = "raw_mongo.plays__changes"
    with cluster.platform.database.connect() as connection:
        connection.execute(
            f"update {events} set _sdc_batched_at = now() - interval '91 days'"
            f" where replication_key = (select min(replication_key) from {events})".encode()
        )
    kept = f"select count(*), count(*) filter (where document is null) from {events}"
    ((all_before, forgotten_before),) = cluster.rows(kept)
    cluster.run("forgetting")
    assert cluster.rows(kept) == [(all_before, forgotten_before + 1)]


def test_raps_and_changes_are_served(cluster: Cluster, raps: dict[str, bytes]) -> None:
    live = cluster.platform.live
    cluster.put(raps)
    cluster.run("files")
    cluster.run("served-files")
    loaded = cluster.rows(
        "select lyric_id::text from raw_files.lyrics where _sdc_deleted_at is null"
    )
    served = {str(row.lyric_id) for row in cluster.served("select lyric_id from rap.lyrics_by_id")}
    assert {lyric for (lyric,) in loaded} <= served
    plays = "select play_id from rap.plays_by_lyric_day"
    for _ in range(2):
        cluster.run("served-changes")
        there = {str(row.play_id) for row in cluster.served(plays)}
        assert there == {key for key, _ in live.statuses()["plays"]}
        live.application.go_on(60)


def _loaded(cluster: Cluster) -> dict[str, set[tuple[str, str | None]]]:
    """Return the keys that are there, as the application's."""
    return {
        name: set(
            cluster.rows(
                f"select {name.removesuffix('s')}_id::text,"
                f" {'status' if name == 'registrations' else 'null'}"
                f" from raw_mongo.{name} where _sdc_deleted_at is null"
            )
        )
        for name in COLLECTIONS
    }
