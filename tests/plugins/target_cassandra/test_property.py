"""Random histories in any order, cut into any loads: every query table is what the model says."""

from __future__ import annotations

import itertools
import json
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fixtures.fix_cassandra import empty_keyspace
from target_cassandra.cluster import Connection
from target_cassandra.loader import Loader
from target_cassandra.settings import Settings
from target_cassandra.target import TargetCassandra

from .conftest import Json, Serving, record, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cassandra.cluster import Session

    from mixtape.services.cassandra import Cassandra

ARTISTS = 3
NO_DATE = "0001-01-01"

SONGS = schema(
    "songs",
    {
        "id": {"type": "integer"},
        "title": {"type": ["string", "null"]},
        "released": {"type": ["string", "null"], "format": "date"},
        "credits": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"artist": {"type": "integer"}, "role": {"type": ["string", "null"]}},
            },
        },
        "_sdc_lsn": {"type": "integer"},
    },
)
TABLES = [
    {"stream": "songs", "table": "by_id", "partition_key": ["id"], "columns": ["title", "credits"]},
    {
        "stream": "songs",
        "table": "by_artist",
        "partition_key": ["artist"],
        "clustering_key": [{"name": "released", "order": "desc"}, {"name": "id"}],
        "columns": ["title", "role"],
        "explode": "credits",
        "when_null": {"released": NO_DATE},
    },
]

dates = st.sampled_from(["2001-05-01", "2015-01-01", None])
credit = st.fixed_dictionaries(
    {"artist": st.integers(0, ARTISTS - 1), "role": st.sampled_from(["singer", None])}
)
song = st.fixed_dictionaries(
    {
        "title": st.sampled_from(["a", "b", None]),
        "released": dates,
        "credits": st.lists(credit, max_size=3, unique_by=lambda one: one["artist"]),
    }
)
versions = st.lists(st.one_of(song, song, st.none()), min_size=1, max_size=4)
histories = st.lists(versions, min_size=1, max_size=4)

numbers = itertools.count(1)
run_settings = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # a smaller example would take as long again
    database=None,
)


@pytest.fixture(scope="module")
def shared(cassandra: Cassandra, cassandra_session: Session) -> Iterator[Serving]:
    """What the examples share: their keys never meet."""
    with empty_keyspace(cassandra, cassandra_session) as keyspace:
        serving = Serving(keyspace, tables=TABLES)
        assert serving.load(SONGS).error is None
        yield serving


class Example:
    """One random history: messages for it, and what the tables must hold in the end."""

    def __init__(self, history: list[list[Json | None]]) -> None:
        self.base = next(numbers) * 100
        self.history = history
        self.messages = [
            self._message(key, lsn, one)
            for key, own in enumerate(history)
            for lsn, one in enumerate(own, 1)
        ]

    def _message(self, key: int, lsn: int, one: Json | None) -> Json:
        if one is None:
            return record(
                "songs", id=self.base + key, _sdc_lsn=lsn, _sdc_deleted_at="2026-01-01T00:00:00Z"
            )
        credits_ = [{**each, "artist": self.base + each["artist"]} for each in one["credits"]]
        return record("songs", id=self.base + key, _sdc_lsn=lsn, **{**one, "credits": credits_})

    def by_id(self, *, nulls: bool) -> dict[int, tuple[str | None, list[int]]]:
        found = {}
        for key, own in enumerate(self.history):
            if own[-1] is None:
                continue
            since = max((at for at, one in enumerate(own) if one is None), default=-1) + 1
            titles = [one["title"] for one in own[since:] if one is not None]
            if not nulls:
                titles = [None, *(title for title in titles if title is not None)]
            artists = [self.base + each["artist"] for each in own[-1]["credits"]]
            found[self.base + key] = (titles[-1], artists)
        return found

    def by_artist(self) -> dict[int, list[tuple[str, int, str | None, str | None]]]:
        """Return each artist's songs in clustering order."""
        found: dict[int, list[tuple[str, int, str | None, str | None]]] = {}
        for artist in range(ARTISTS):
            rows = [
                (one["released"] or NO_DATE, self.base + key, one["title"], each["role"])
                for key, own in enumerate(self.history)
                if (one := own[-1]) is not None
                for each in one["credits"]
                if each["artist"] == artist
            ]
            rows.sort(key=lambda row: row[1])
            rows.sort(key=lambda row: row[0], reverse=True)
            found[self.base + artist] = rows
        return found


def check(serving: Serving, example_: Example, *, nulls: bool) -> None:
    keys = range(example_.base, example_.base + len(example_.history))
    held = serving.rows("by_id", where=f"WHERE id IN ({', '.join(map(str, keys))})")
    assert {
        row["id"]: (row["title"], [one["artist"] for one in json.loads(row["credits"])])
        for row in held
    } == example_.by_id(nulls=nulls)
    for artist, expected in example_.by_artist().items():
        rows = serving.rows("by_artist", where=f"WHERE artist = {artist}")
        assert [(row["released"], row["id"], row["title"], row["role"]) for row in rows] == expected


def shuffled(data: st.DataObject, messages: list[Json]) -> list[list[Json]]:
    """Return the messages in any order, some more than once, cut into loads."""
    again = data.draw(st.lists(st.sampled_from(messages), max_size=4), label="again")
    order = data.draw(st.permutations([*messages, *again]), label="order")
    cut = data.draw(st.integers(0, len(order)), label="cut")
    return [part for part in (order[:cut], order[cut:]) if part]


def replay_and_reorder(serving: Serving, data: st.DataObject, *, nulls: bool) -> None:
    one = Example(data.draw(histories, label="history"))
    rows = data.draw(st.sampled_from([1, 3, 1_000]), label="batch_size_rows")
    for part in shuffled(data, one.messages):
        result = serving.load(
            SONGS, *part, batch_size_rows=rows, null_handling="null" if nulls else "unset"
        )
        assert result.error is None
    check(serving, one, nulls=nulls)


@given(data=st.data())
@settings(run_settings, max_examples=20)
def test_any_order_and_repetition_ends_in_the_same_tables(
    shared: Serving, data: st.DataObject
) -> None:
    replay_and_reorder(shared, data, nulls=True)


@given(data=st.data())
@settings(run_settings, max_examples=8)
def test_where_nulls_are_left_unset_the_newest_value_stays_in_any_order(
    shared: Serving, data: st.DataObject
) -> None:
    replay_and_reorder(shared, data, nulls=False)


@pytest.mark.long
@given(data=st.data(), nulls=st.booleans())
@settings(run_settings, max_examples=500)
def test_any_order_and_repetition_ends_in_the_same_tables_at_length(
    shared: Serving, data: st.DataObject, *, nulls: bool
) -> None:
    replay_and_reorder(shared, data, nulls=nulls)


def write_at_once(serving: Serving, parts: list[list[Json]]) -> None:
    """Load each part by a loader of its own, all at the same time."""
    config = {**serving.config, "tables": TABLES[:1], "batch_size_rows": 2, "null_handling": "null"}
    checked = dict(TargetCassandra(config=config).config)
    ready = threading.Barrier(len(parts))
    raised: list[BaseException] = []

    def load(part: list[Json]) -> None:
        try:
            loader = Loader(Connection(checked, Settings.of(checked)), None, lambda _state: None)
            loader.schema(1, SONGS)
            ready.wait()
            for number, message in enumerate(part, 2):
                loader.records("songs", [json.dumps(message).encode()], [number])
            loader.finish(is_whole=True)
        except BaseException as error:
            raised.append(error)
            raise

    threads = [threading.Thread(target=load, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not raised


@given(history=histories, data=st.data())
@settings(run_settings, max_examples=5)
def test_two_writers_at_once_end_in_the_same_table_where_keys_cannot_change(
    shared: Serving, history: list[list[Json | None]], data: st.DataObject
) -> None:
    one = Example(history)
    write_at_once(shared, [data.draw(st.permutations(one.messages)) for _ in range(2)])
    expected = {key: title for key, (title, _) in one.by_id(nulls=True).items()}
    keys = range(one.base, one.base + len(history))
    held = shared.rows("by_id", where=f"WHERE id IN ({', '.join(map(str, keys))})")
    assert {row["id"]: row["title"] for row in held} == expected
