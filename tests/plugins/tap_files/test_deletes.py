"""`detect_deletes: soft`: a store that is read directly holds what the files hold, and no more.

`Direct` is such a store: rows by the entity's key alone, written at their version as Cassandra
writes at a timestamp, a delete winning over a write of the same version.
"""

from __future__ import annotations

import io
import json
import random
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.tapped import SONGS, Bucket, Folder
from tap_files import sync
from target_postgres import TargetPostgres

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fixtures.fix_postgres import Database
    from fixtures.singer import Message, Output
    from fixtures.tapped import Tapped

SOFT: dict[str, Any] = {"detect_deletes": "soft"}


class Direct:
    """Rows of one stream by entity."""

    def __init__(self, stream: str = "songs", keys: tuple[str, ...] = ("title",)) -> None:
        self._stream = stream
        self._keys = keys
        self._rows: dict[Any, tuple[tuple[int, bool], dict[str, Any]]] = {}

    def load(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if message["type"] == "RECORD" and message["stream"] == self._stream:
                record = message["record"]
                key = tuple(record[name] for name in self._keys)
                version = record["_sdc_lsn"], record["_sdc_deleted_at"] is not None
                if key not in self._rows or version >= self._rows[key][0]:
                    self._rows[key] = version, record

    @property
    def rows(self) -> dict[Any, Any]:
        """What a reader finds: the documents, by key."""
        return {
            key: record.get("document")
            for key, ((_, is_deleted), record) in self._rows.items()
            if not is_deleted
        }


def lines(*songs: Any) -> str:
    return "\n".join(
        json.dumps(song if isinstance(song, dict) else {"title": song}) for song in songs
    )


def deleted(output: Output, stream: str = "songs") -> list[tuple[str, str]]:
    """Return file and title of each delete, in order of both."""
    return sorted(
        (record["_sdc_source_file"], record["title"])
        for record in output.records(stream)
        if record["_sdc_deleted_at"]
    )


def held(*outputs: Output) -> set[str]:
    direct = Direct()
    for output in outputs:
        direct.load(output.messages)
    return {title for (title,) in direct.rows}


def test_off_nothing_is_said_of_records(files: Tapped) -> None:
    files.put("songs/a.jsonl", lines("one"))
    first = files.tap()
    files.delete("songs/a.jsonl")
    second = files.tap(first.state)
    assert second.counts() == {"_files": 1}
    assert "_sdc_deleted_at" not in first.schemas["songs"]["schema"]["properties"]


def test_a_record_gone_from_a_changed_file_is_deleted(files: Tapped) -> None:
    files.put("songs/a.jsonl", lines("stays", "goes", "changes"))
    first = files.tap(**SOFT)
    files.put("songs/a.jsonl", lines("new", "stays", {"title": "changes", "n": 2}))
    second = files.tap(first.state, **SOFT)
    assert deleted(second) == [("songs/a.jsonl", "goes")]
    assert held(first, second) == {"stays", "changes", "new"}
    assert files.tap(second.state, **SOFT).counts() == {}


def test_a_delete_has_its_key_its_file_and_no_more(folder: Folder) -> None:
    folder.put("songs/a.jsonl", lines("one"))
    first = folder.tap(**SOFT)
    assert first.records("songs")[0]["_sdc_deleted_at"] is None
    folder.delete("songs/a.jsonl")
    second = folder.tap(first.state, **SOFT)
    (record,) = second.records("songs")
    assert record.keys() == {
        *("title", "_sdc_source_bucket", "_sdc_source_file", "_sdc_lsn", "_sdc_deleted_at")
    }
    assert record["_sdc_lsn"] > first.records("songs")[0]["_sdc_lsn"]
    assert second.schemas["songs"]["schema"]["required"] == ["_sdc_source_file", "title"]


def test_all_of_a_vanished_file_is_deleted(files: Tapped) -> None:
    files.put("songs/a.jsonl", lines("one", "two"))
    files.put("songs/b.jsonl", lines("three"))
    first = files.tap(**SOFT)
    files.delete("songs/a.jsonl")
    second = files.tap(first.state, **SOFT)
    assert deleted(second) == [("songs/a.jsonl", "one"), ("songs/a.jsonl", "two")]
    assert held(first, second) == {"three"}


def test_all_of_an_emptied_file_is_deleted(files: Tapped) -> None:
    files.put("songs/a.jsonl", lines("one", "two"))
    first = files.tap(**SOFT)
    files.put("songs/a.jsonl", "")
    assert held(first, files.tap(first.state, **SOFT)) == set()


def test_a_renamed_file_keeps_its_records(files: Tapped) -> None:
    files.put("songs/a.jsonl", lines("one", "two"))
    first = files.tap(**SOFT)
    files.put("songs/b.jsonl", lines("one", "two"))
    files.delete("songs/a.jsonl")
    second = files.tap(first.state, **SOFT)
    assert deleted(second) == [("songs/a.jsonl", "one"), ("songs/a.jsonl", "two")]
    assert held(first, second) == {"one", "two"}


def test_a_record_in_two_files_and_then_in_one_stays_as_that_one_has_it(files: Tapped) -> None:
    files.put("songs/a.jsonl", lines({"title": "both", "in": "a"}))
    files.put("songs/b.jsonl", lines({"title": "both", "in": "b"}))
    first = files.tap(**SOFT)
    files.delete("songs/b.jsonl")
    second = files.tap(first.state, **SOFT)
    direct = Direct()
    direct.load(first.messages + second.messages)
    assert direct.rows == {("both",): {"title": "both", "in": "a"}}
    assert files.tap(second.state, **SOFT).counts() == {}


def test_a_broken_version_deletes_nothing_until_it_is_repaired(files: Tapped) -> None:
    files.put("songs/a.jsonl", lines("one", "two"))
    first = files.tap(**SOFT)
    files.put("songs/a.jsonl", "broken")
    second = files.tap(first.state, **SOFT)
    assert deleted(second) == []
    files.put("songs/a.jsonl", lines("two"))
    third = files.tap(second.state, **SOFT)
    assert deleted(third) == [("songs/a.jsonl", "one")]


def test_elements_of_an_array_are_deleted_too(folder: Folder) -> None:
    credited = {**SONGS, "name": "credits", "explode": "by", "key_properties": ["title", "who"]}
    settings: dict[str, Any] = {**SOFT, "streams": [SONGS, credited]}
    folder.put("songs/a.jsonl", lines({"title": "t", "by": [{"who": "x"}, {"who": "y"}]}))
    first = folder.tap(**settings)
    folder.put("songs/a.jsonl", lines({"title": "t", "by": [{"who": "y"}]}))
    second = folder.tap(first.state, **settings)
    assert deleted(second, "credits") == [("songs/a.jsonl", "t")]
    direct = Direct("credits", ("title", "who"))
    direct.load(first.messages + second.messages)
    assert set(direct.rows) == {("t", "y")}


def test_lines_that_a_shorter_file_lacks_are_deleted(folder: Folder) -> None:
    plain: dict[str, Any] = {**SOFT, "streams": [{"name": "songs", "prefix": "songs/"}]}
    folder.put("songs/a.jsonl", lines("one", "two", "three"))
    folder.put("songs/b.jsonl", lines("one", "two", "three"))
    first = folder.tap(**plain)
    folder.put("songs/a.jsonl", lines("one"))
    second = folder.tap(first.state, **plain)
    assert [r["_sdc_source_lineno"] for r in second.records("songs") if r["_sdc_deleted_at"]] == [
        2,
        3,
    ]
    assert {r["_sdc_source_file"] for r in second.records("songs")} == {"songs/a.jsonl"}


def test_a_run_cut_off_inside_a_file_still_knows_all_its_keys(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "STATE_SECONDS", 0.0)
    folder.put("songs/a.jsonl", lines(*(f"t{n}" for n in range(1_000)), "goes"))
    first = folder.tap(**SOFT)
    folder.put("songs/a.jsonl", lines(*(f"t{n}" for n in range(1_000))))
    cut_off = folder.tap(first.state, **SOFT)
    state = next(s for s in cut_off.states if "in_progress" in s["bookmarks"]["songs"])
    rest = folder.tap(json.loads(json.dumps(state)), **SOFT)
    assert deleted(rest) == [("songs/a.jsonl", "goes")]
    assert len(rest.records("songs")) < 1_000


def test_more_keys_than_the_state_may_hold_are_said(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    few = {**SOFT, "max_state_keys": 3}
    folder.put("songs/a.jsonl", lines("one", "two"))
    folder.put("songs/b.jsonl", lines("three", "four"))
    first = folder.tap(**few)
    assert sum(map(len, first.state["bookmarks"]["songs"]["keys"].values())) <= 3
    folder.delete("songs/a.jsonl")
    folder.delete("songs/b.jsonl")
    second = folder.tap(first.state, **few)
    assert len(deleted(second)) == 2
    assert "deletes may be missing: raise max_state_keys" in caplog.text


def test_a_versioned_bucket_gives_the_keys_that_the_state_does_not_hold(s3: Bucket) -> None:
    s3.store.client.put_bucket_versioning(
        Bucket=s3.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    few = {**SOFT, "max_state_keys": 3, "lookback_seconds": 0}
    for number in range(6):
        s3.put(f"songs/{number}.jsonl", lines(*(f"t{number} {n}" for n in range(3))))
    s3.put("songs/changes.jsonl", lines("one", "two"))
    first = s3.tap(**few)
    s3.delete("songs/0.jsonl")
    s3.put("songs/1.jsonl", "never read\nby a run")
    s3.put("songs/1.jsonl", lines("t1 1"))
    s3.put("songs/changes.jsonl", "[")
    second = s3.tap(first.state, **few)
    assert deleted(second) == [
        *(("songs/0.jsonl", f"t0 {n}") for n in range(3)),
        ("songs/1.jsonl", "t1 0"),
        ("songs/1.jsonl", "t1 2"),
    ]
    # What stood before the broken version is still what the target has.
    s3.put("songs/changes.jsonl", lines("two"))
    assert deleted(s3.tap(second.state, **few)) == [("songs/changes.jsonl", "one")]


@pytest.mark.parametrize("seed", range(12))
def test_a_direct_store_holds_what_the_folder_holds(folder: Folder, seed: int) -> None:
    """Entities move between files, are in several, in none; runs are cut off anywhere."""
    rng = random.Random(seed)
    settings = {**SOFT, "max_state_keys": 100, "lookback_seconds": 0}
    direct = Direct()
    state = None
    bodies: dict[str, list[dict[str, Any]]] = {}
    for _ in range(8):
        for _ in range(rng.randint(1, 4)):
            key = f"songs/{rng.randrange(5)}.jsonl"
            if rng.random() < 0.3:
                if bodies.pop(key, None) is not None:
                    folder.delete(key)
            else:
                titles = rng.sample("abcdefgh", rng.randrange(4))
                bodies[key] = [{"title": title, "n": rng.randrange(1_000)} for title in titles]
                folder.put(key, lines(*bodies[key]))
        output = folder.tap(state, **settings)
        if rng.random() < 0.5:
            # The target wrote some more than it acknowledged.
            states = [n for n, m in enumerate(output.messages) if m["type"] == "STATE"]
            end = rng.randrange(len(output.messages))
            direct.load(output.messages[:end])
            acknowledged = [output.messages[n]["value"] for n in states if n < end]
            state = json.loads(json.dumps(acknowledged[-1])) if acknowledged else state
            output = folder.tap(state, **settings)
        direct.load(output.messages)
        state = output.state
        found = direct.rows
        assert {title for (title,) in found} == {
            song["title"] for songs in bodies.values() for song in songs
        }
        for (title,), document in found.items():
            assert any(document in songs for songs in bodies.values()), title


def test_in_postgresql_deletes_mark_the_rows_of_that_file_alone(
    folder: Folder, database: Database
) -> None:
    def rows() -> list[tuple[str, str, bool]]:
        with database.connect() as connection:
            return connection.execute(
                "select _sdc_source_file, title, _sdc_deleted_at is not null from raw.songs"
                " order by 1, 2"
            ).fetchall()

    def load(output: Output) -> None:
        target = TargetPostgres(config={**database.settings, "default_target_schema": "raw"})
        with redirect_stdout(io.StringIO()):
            text = "".join(json.dumps(message) + "\n" for message in output.messages)
            target.listen(io.TextIOWrapper(io.BytesIO(text.encode())))

    folder.put("songs/a.jsonl", lines("both", "goes"))
    folder.put("songs/b.jsonl", lines("both"))
    first = folder.tap(**SOFT)
    load(first)
    folder.put("songs/a.jsonl", lines("new"))
    second = folder.tap(first.state, **SOFT)
    load(second)
    assert rows() == [
        ("songs/a.jsonl", "both", True),
        ("songs/a.jsonl", "goes", True),
        ("songs/a.jsonl", "new", False),
        ("songs/b.jsonl", "both", False),
    ]
    folder.put("songs/a.jsonl", lines("goes"))
    load(folder.tap(second.state, **SOFT))
    assert [(title, gone) for file, title, gone in rows() if file == "songs/a.jsonl"] == [
        ("both", True),
        ("goes", False),
        ("new", True),
    ]
