"""Rows that stand elsewhere when their record changes, and what a delete takes with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from singer_kit.errors import ExitCode
from target_cassandra.cluster import Connection
from target_cassandra.locks import Locks
from target_cassandra.positions import Positions
from target_cassandra.settings import Settings
from target_cassandra.target import TargetCassandra

from .conftest import record, schema, state

if TYPE_CHECKING:
    from .conftest import Json, Serving

GONE = "2026-01-01T00:00:00Z"
SONGS = schema(
    "songs",
    {
        "id": {"type": "integer"},
        "title": {"type": ["string", "null"]},
        "released": {"type": ["string", "null"], "format": "date"},
        "credits": {
            "type": "array",
            "items": {"type": "object", "properties": {"artist": {"type": "string"}}},
        },
        "_sdc_lsn": {"type": "integer"},
    },
)
BY_ARTIST: Json = {
    "stream": "songs",
    "table": "by_artist",
    "partition_key": ["artist"],
    "clustering_key": [{"name": "released", "order": "desc"}, {"name": "id"}],
    "columns": ["title"],
    "explode": "credits",
    "when_null": {"released": "0001-01-01"},
}


def song(lsn: int, *artists: str, **fields: Any) -> Json:
    fields = {"id": 1, "title": "a", "released": "2020-01-01", **fields}
    return record("songs", credits=[{"artist": one} for one in artists], _sdc_lsn=lsn, **fields)


def held(serving: Serving) -> list[tuple[str, str, str | None]]:
    rows = serving.rows("by_artist", "artist, released, title")
    return sorted((row["artist"], row["released"], row["title"]) for row in rows)


@pytest.fixture
def by_artist(serving: Serving) -> Serving:
    serving.config["tables"] = [BY_ARTIST]
    return serving


def test_a_row_whose_clustering_value_changes_leaves_no_ghost(by_artist: Serving) -> None:
    by_artist.load(SONGS, song(1, "x", "y"))
    by_artist.load(SONGS, song(2, "x", "z", released="2021-01-01"))
    assert held(by_artist) == [("x", "2021-01-01", "a"), ("z", "2021-01-01", "a")]


def test_an_older_record_that_comes_late_changes_nothing(by_artist: Serving) -> None:
    by_artist.load(SONGS, song(2, "x", released="2021-01-01"))
    by_artist.load(SONGS, song(1, "x", "y"))
    assert held(by_artist) == [("x", "2021-01-01", "a")]


def test_an_older_record_after_a_delete_stays_away(by_artist: Serving) -> None:
    by_artist.load(SONGS, song(1, "x"), record("songs", id=1, _sdc_lsn=3, _sdc_deleted_at=GONE))
    by_artist.load(SONGS, song(2, "x"))
    assert held(by_artist) == []
    by_artist.load(SONGS, song(4, "x"))
    assert held(by_artist) == [("x", "2020-01-01", "a")]


def test_a_value_that_goes_away_does_not_shine_through(by_artist: Serving) -> None:
    by_artist.load(SONGS, song(1, "x"))
    by_artist.load(SONGS, song(2, "x", title=None), null_handling="unset")
    assert held(by_artist) == [("x", "2020-01-01", None)]


def test_a_null_clustering_value_becomes_what_the_settings_say(by_artist: Serving) -> None:
    by_artist.load(SONGS, song(1, "x", released=None))
    assert held(by_artist) == [("x", "0001-01-01", "a")]


def test_a_partial_record_keeps_what_it_does_not_say(by_artist: Serving) -> None:
    by_artist.load(SONGS, song(1, "x", "y"))
    by_artist.load(SONGS, record("songs", id=1, released="2022-02-02", _sdc_lsn=2))
    assert held(by_artist) == [("x", "2022-02-02", "a"), ("y", "2022-02-02", "a")]
    by_artist.load(
        SONGS, record("songs", id=1, credits=[{"artist": "z"}], _sdc_lsn=3), song(4, "q", id=2)
    )
    assert held(by_artist) == [("q", "2020-01-01", "a"), ("z", "2022-02-02", "a")]


def test_a_partial_record_of_nothing_known_is_rejected(by_artist: Serving) -> None:
    result = by_artist.load(
        SONGS,
        record("songs", id=1, credits=[{"artist": "z"}], _sdc_lsn=3),
        song(1, "x", id=2),
        state(songs=1),
        on_invalid_record="quarantine",
    )
    assert result.error is None
    assert held(by_artist) == [("x", "2020-01-01", "a")]
    [fault] = by_artist.rows("songs__rejected")
    assert (fault["error_path"], fault["error_code"]) == ("$.released", "required")
    assert json.loads(fault["payload"])["credits"] == [{"artist": "z"}]


def test_writes_cut_off_at_any_step_are_put_right_by_the_next_load(
    by_artist: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, step in enumerate(("announce", "apply", "settle"), 1):
        key = 10_000 + number
        by_artist.load(SONGS, song(1, f"x{key}", id=key))
        with monkeypatch.context() as broken:

            def fail(*_: Any) -> Any:
                raise RuntimeError("cut off")

            broken.setattr(Positions, step, fail)
            with pytest.raises(RuntimeError, match="cut off"):
                by_artist.load(SONGS, song(2, f"y{key}", id=key))
        by_artist.load(SONGS, song(3, f"z{key}", id=key))
        artists = {artist for artist, _, _ in held(by_artist) if str(key) in artist}
        assert artists == {f"z{key}"}, step


def test_another_loader_waits_for_the_lock_and_then_says_who_has_it(by_artist: Serving) -> None:
    by_artist.load(SONGS)
    config = dict(TargetCassandra(config=by_artist.config | {"run_id": "night-shift"}).config)
    connection = Connection(config, Settings.of(config))
    locks = Locks(connection)
    try:
        locks.take("by_artist")
        result = by_artist.load(SONGS, song(1, "x"), lock_seconds=1)
        assert result.exit_code == ExitCode.TARGET_WRITE
        assert "is being written by another loader (night-shift " in str(result.error)
    finally:
        locks.release()
        connection.close()
    assert by_artist.load(SONGS, song(1, "x"), lock_seconds=1).error is None
    assert by_artist.rows("sdc_locks") == []


def test_a_loader_that_lost_its_lock_writes_nothing_more(by_artist: Serving) -> None:
    by_artist.load(SONGS)
    config = dict(TargetCassandra(config=by_artist.config).config)
    connection = Connection(config, Settings.of(config))
    locks = Locks(connection)
    try:
        locks.take("by_artist")
        by_artist.keyspace.execute(
            "UPDATE {}.sdc_locks SET owner = 'other' WHERE name = 'by_artist'"
        )
        locks._thread.join(20)  # type: ignore[union-attr] # it ends when it sees this
        with pytest.raises(Exception, match=r"could not be kept \(other\)"):
            locks.check("by_artist")
    finally:
        locks.release()
        connection.close()


PLAYS = schema(
    "plays",
    {
        "id": {"type": "integer"},
        "song": {"type": "string"},
        "at": {"type": "string", "format": "date-time"},
        "_sdc_lsn": {"type": "integer"},
    },
)


def test_keys_are_derived_from_times_in_utc(serving: Serving) -> None:
    tables = [
        {
            "stream": "plays",
            "table": "by_day",
            "partition_key": ["song", "day"],
            "clustering_key": [{"name": "at", "order": "desc"}, {"name": "id"}],
            "columns": ["month"],
            "derive": {
                "day": {"from": "at", "unit": "day"},
                "month": {"from": "at", "unit": "month"},
            },
        }
    ]
    play = record("plays", id=1, song="s", at="2026-02-01T00:30:00+02:00", _sdc_lsn=1)
    assert serving.load(PLAYS, play, tables=tables).error is None
    [row] = serving.rows("by_day")
    assert (row["day"], row["month"], row["at"]) == (
        "2026-01-31",
        "2026-01",
        "2026-01-31T22:30:00Z",
    )


def test_a_delete_with_nothing_but_the_streams_key_finds_its_rows(serving: Serving) -> None:
    tables = [
        {
            "stream": "plays",
            "table": "by_song",
            "partition_key": ["song"],
            "clustering_key": [{"name": "id"}],
            "columns": ["at"],
        }
    ]
    plays = [record("plays", id=n, song="s", at=GONE, _sdc_lsn=1) for n in (1, 2)]
    serving.load(PLAYS, *plays, tables=tables)
    serving.load(PLAYS, record("plays", id=1, _sdc_lsn=2, _sdc_deleted_at=GONE), tables=tables)
    assert [row["id"] for row in serving.rows("by_song")] == [2]


def test_a_partition_goes_where_the_settings_say_so(serving: Serving) -> None:
    tables = [
        {
            "stream": "plays",
            "table": "by_song",
            "partition_key": ["song"],
            "clustering_key": [{"name": "id"}],
            "columns": ["at"],
            "moves": False,
            "delete": "partition",
        }
    ]
    plays = [record("plays", id=n, song=f"s{n // 2}", at=GONE, _sdc_lsn=1) for n in range(4)]
    gone = record("plays", id=0, song="s0", _sdc_lsn=2, _sdc_deleted_at=GONE)
    assert serving.load(PLAYS, *plays, gone, tables=tables).error is None
    assert sorted(row["id"] for row in serving.rows("by_song")) == [2, 3]


def test_soft_deletes_mark_rows_and_a_newer_record_clears_the_mark(serving: Serving) -> None:
    tables = [
        {**BY_ARTIST, "columns": ["title", "_sdc_deleted_at"]},
        {
            "stream": "songs",
            "table": "by_id",
            "partition_key": ["id"],
            "columns": ["title", "_sdc_deleted_at"],
        },
    ]
    config: Json = {"tables": tables, "delete_mode": "soft"}
    serving.load(SONGS, song(1, "x"), **config)
    mark = record("songs", id=1, _sdc_lsn=2, _sdc_deleted_at=GONE)
    assert serving.load(SONGS, mark, **config).error is None
    for table in ("by_id", "by_artist"):
        [row] = serving.rows(table)
        assert (row["title"], row["_sdc_deleted_at"]) == ("a", "2026-01-01T00:00:00Z")
    serving.load(SONGS, song(3, "x"), **config)
    for table in ("by_id", "by_artist"):
        [row] = serving.rows(table)
        assert (row["title"], row["_sdc_deleted_at"]) == ("a", None)


def test_ignored_deletes_do_nothing(by_artist: Serving) -> None:
    by_artist.load(SONGS, song(1, "x"))
    mark = record("songs", id=1, _sdc_lsn=2, _sdc_deleted_at=GONE)
    assert by_artist.load(SONGS, mark, delete_mode="ignore").error is None
    assert held(by_artist) == [("x", "2020-01-01", "a")]


def test_rows_live_as_long_as_the_settings_say(by_artist: Serving) -> None:
    by_artist.config["tables"] = [{**BY_ARTIST, "ttl_seconds": 1000}]
    by_artist.load(SONGS, song(1, "x"))
    [row] = by_artist.rows("by_artist", "TTL(title) AS life")
    assert 900 < row["life"] <= 1000


def test_activate_version_removes_older_rows_and_none_without_a_reason(serving: Serving) -> None:
    tables = [
        {**BY_ARTIST, "columns": ["title", "_sdc_table_version"]},
        {
            "stream": "songs",
            "table": "by_id",
            "partition_key": ["id"],
            "columns": ["title", "_sdc_table_version"],
        },
    ]

    def of(version: int, message: Json) -> Json:
        return {**message, "version": version}

    def activate(version: int, **more: Any) -> Json:
        return {"type": "ACTIVATE_VERSION", "stream": "songs", "version": version, **more}

    old = [of(1, song(n, f"x{n}", id=n)) for n in range(1, 301)]
    assert serving.load(SONGS, *old, activate(1), tables=tables).error is None
    assert len(serving.rows("by_id")) == len(serving.rows("by_artist")) == 300
    new = [of(2, song(1_000 + n, f"x{n}", id=n)) for n in range(1, 11)]
    assert serving.load(SONGS, *new, activate(2), tables=tables).error is None
    assert sorted(row["id"] for row in serving.rows("by_id")) == list(range(1, 11))
    assert sorted(row["id"] for row in serving.rows("by_artist")) == list(range(1, 11))
    refused = serving.load(SONGS, activate(3), tables=tables)
    assert refused.exit_code == ExitCode.TARGET_WRITE
    assert "no reason is given" in str(refused.error)
    assert len(serving.rows("by_id")) == 10
    assert serving.load(SONGS, activate(3, reason="resnapshot"), tables=tables).error is None
    assert serving.rows("by_id") == serving.rows("by_artist") == []
