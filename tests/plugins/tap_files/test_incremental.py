"""What a second run gives: what is new, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fixtures.singer import Tables
from fixtures.tapped import SONGS
from tap_files import listing, sync

if TYPE_CHECKING:
    import pytest

    from fixtures.singer import Output
    from fixtures.tapped import Bucket, Folder, Tapped


def titles(output: Output) -> list[str]:
    return [record["title"] for record in output.records("songs")]


def test_a_second_run_gives_nothing_and_says_where_it_stands(files: Tapped) -> None:
    files.put("songs/a.yaml", "title: one")
    first = files.tap()
    second = files.tap(first.state)
    assert second.counts() == {}
    assert second.state == first.state


def test_changed_added_and_removed_files_are_what_the_next_run_gives(files: Tapped) -> None:
    for name in ("stays", "changes", "goes"):
        files.put(f"songs/{name}.yaml", f"title: {name}")
    first = files.tap()
    files.put("songs/changes.yaml", "title: changed")
    files.put("songs/new.yaml", "title: new")
    files.delete("songs/goes.yaml")
    second = files.tap(first.state)
    assert sorted(titles(second)) == ["changed", "new"]
    (gone,) = [r for r in second.records("_files") if r["deleted_at"]]
    assert (gone["key"], gone["deleted_at"]) == ("songs/goes.yaml", gone["_sdc_deleted_at"])
    assert {r["key"] for r in second.records("_files") if not r["deleted_at"]} == {
        "songs/changes.yaml",
        "songs/new.yaml",
    }
    target = Tables()
    target.load(first.messages + second.messages)
    assert sorted(row["title"] for row in target.current("songs")) == ["changed", "new", "stays"]


def test_a_version_number_never_goes_back(files: Tapped) -> None:
    seen: list[int] = []
    state = None
    for number in range(3):
        files.put("songs/a.yaml", f"title: {number}")
        output = files.tap(state)
        state = output.state
        seen.append(output.records("songs")[0]["_sdc_lsn"])
    assert seen == sorted(set(seen))


def test_a_version_number_is_above_the_last_even_when_the_clock_goes_back(folder: Folder) -> None:
    folder.put("songs/a.yaml", "title: one")
    state = folder.tap().state
    future = state["bookmarks"]["songs"]["lsn"] + 10**12
    state["bookmarks"]["songs"]["lsn"] = future
    folder.put("songs/b.yaml", "title: two")
    (record,) = folder.tap(state).records("songs")
    assert record["_sdc_lsn"] == future + 1


def test_a_file_put_back_to_an_older_version_is_a_new_version(folder: Folder) -> None:
    folder.put("songs/a.yaml", "title: old", "2024-01-01")
    first = folder.tap()
    folder.put("songs/a.yaml", "title: new", "2024-02-01")
    second = folder.tap(first.state)
    folder.put("songs/a.yaml", "title: old", "2024-01-01")
    third = folder.tap(second.state)
    assert titles(third) == ["old"]
    target = Tables()
    target.load(first.messages + second.messages + third.messages)
    assert [row["title"] for row in target.current("songs")] == ["old"]


def test_a_file_that_comes_back_unchanged_is_current_again(files: Tapped) -> None:
    files.put("songs/a.yaml", "title: one")
    first = files.tap()
    files.delete("songs/a.yaml")
    second = files.tap(first.state)
    files.put("songs/a.yaml", "title: one")
    third = files.tap(second.state)
    target = Tables()
    target.load(first.messages + second.messages)
    assert target.current("songs") == []
    target.load(third.messages)
    assert [row["title"] for row in target.current("songs")] == ["one"]


def test_files_of_the_same_second_are_all_read(folder: Folder) -> None:
    folder.put("songs/a.yaml", "title: a", "2024-01-01")
    state = folder.tap().state
    folder.put("songs/b.yaml", "title: b", "2024-01-01")
    folder.put("songs/0.yaml", "title: 0", "2024-01-01")
    assert titles(folder.tap(state)) == ["0", "b"]


def test_a_late_file_is_read_however_old_it_says_it_is(folder: Folder) -> None:
    folder.put("songs/a.yaml", "title: a", "2024-01-02")
    state = folder.tap().state
    folder.put("songs/late.yaml", "title: late", "2020-01-01")
    assert titles(folder.tap(state)) == ["late"]


def test_a_multipart_upload_that_ends_late_is_read_however_it_is_dated(s3: Bucket) -> None:
    """AWS dates such an object at the beginning of its upload, behind files already read."""
    many: dict[str, Any] = {"max_state_keys": 1, "lookback_seconds": 0}
    client = s3.store.client
    where: dict[str, Any] = {"Bucket": s3.bucket, "Key": "songs/late.jsonl"}
    upload = client.create_multipart_upload(**where)["UploadId"]
    parts: list[Any] = []
    lines = [b'{"title": "%06d %s"}\n' % (n, b"x" * 10_000) for n in range(600)]
    half = 5 * 2**20 // len(lines[0]) + 1
    for number, body in ((1, b"".join(lines[:half])), (2, b"".join(lines[half:]))):
        part = client.upload_part(**where, UploadId=upload, PartNumber=number, Body=body)
        parts.append({"ETag": part["ETag"], "PartNumber": number})
        s3.put(f"songs/{number}.yaml", f"title: t{number}")
    first = s3.tap(**many)
    assert sorted(titles(first)) == ["t1", "t2"]
    client.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
    state = first.state
    for bookmark in state["bookmarks"].values():
        # MinIO dates it at its end: the window moves there instead.
        bookmark["pruned_before"] = ["2100-01-01T00:00:00+00:00", ""]
    second = s3.tap(state, **many)
    assert second.counts() == {"songs": 600, "_files": 1}
    assert second.records("songs")[0]["_sdc_source_etag"].endswith("-2")


def test_with_many_files_state_keeps_the_look_back_window_alone(folder: Folder) -> None:
    many: dict[str, Any] = {"max_state_keys": 3, "lookback_seconds": 3600}
    for hour in range(6):
        folder.put(f"songs/{hour}.yaml", f"title: t{hour}", f"2024-01-01T{hour:02}:00:00")
    state = folder.tap(**many).state
    assert sorted(state["bookmarks"]["songs"]["files"]) == ["songs/4.yaml", "songs/5.yaml"]
    assert titles(folder.tap(state, **many)) == []
    folder.put("songs/late.yaml", "title: late", "2024-01-01T04:30:00")
    folder.put("songs/5.yaml", "title: changed", "2024-01-01T05:00:01")
    assert titles(folder.tap(state, **many)) == ["late", "changed"]


def test_with_many_files_one_behind_the_look_back_window_is_found_all_the_same(
    files: Tapped,
) -> None:
    """olake#1131, olake#1220, airbyte#12568: files that came late were never read."""
    many: dict[str, Any] = {"max_state_keys": 3, "lookback_seconds": 0}
    for number in range(40):
        files.put(f"songs/{number:02}.yaml", f"title: t{number}")
    first = files.tap(**many)
    assert len(first.state["bookmarks"]["songs"]["files"]) <= 3
    state = json.loads(json.dumps(first.state))
    # As if the window had moved on before this one appeared.
    files.put("songs/late.yaml", "title: late")
    for bookmark in state["bookmarks"].values():
        bookmark["pruned_before"] = ["2100-01-01T00:00:00+00:00", ""]
    second = files.tap(state, **many)
    assert titles(second) == ["late"]
    assert files.tap(second.state, **many).counts() == {}


def test_with_many_files_one_put_back_to_an_older_version_is_read_again(folder: Folder) -> None:
    many: dict[str, Any] = {"max_state_keys": 3, "lookback_seconds": 0}
    for day in range(1, 10):
        folder.put(f"songs/{day}.yaml", f"title: t{day}", f"2024-01-0{day}")
    first = folder.tap(**many)
    folder.put("songs/5.yaml", "title: of old", "2020-01-01")
    second = folder.tap(first.state, **many)
    assert titles(second) == ["of old"]
    target = Tables()
    target.load(first.messages + second.messages)
    assert {r["title"] for r in target.current("songs")} == {
        *(f"t{day}" for day in (1, 2, 3, 4, 6, 7, 8, 9)),
        "of old",
    }
    assert folder.tap(second.state, **many).counts() == {}


def test_with_many_files_those_that_vanish_are_named_and_no_others(files: Tapped) -> None:
    """meltano/sdk#3631: the state does not grow with the files, and still nothing is missed."""
    many: dict[str, Any] = {"max_state_keys": 5, "lookback_seconds": 0}
    for number in range(60):
        files.put(f"songs/{number:02}.yaml", f"title: t{number}")
    first = files.tap(**many)
    for number in (0, 30, 58, 59):
        files.delete(f"songs/{number:02}.yaml")
    files.put("songs/31.yaml", "title: changed")
    second = files.tap(first.state, **many)
    assert second.counts() == {"_files": 5, "songs": 1}
    assert [r["key"] for r in second.records("_files") if r["deleted_at"]] == [
        f"songs/{number:02}.yaml" for number in (0, 30, 58, 59)
    ]
    assert "ACTIVATE_VERSION" not in {message["type"] for message in second.messages}
    assert is_quiet(files, second, many)


def is_quiet(files: Tapped, after: Output, settings: dict[str, Any]) -> bool:
    return files.tap(after.state, **settings).counts() == {}


def test_when_more_vanish_than_can_be_told_apart_the_list_of_files_is_sent_whole(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    many: dict[str, Any] = {"max_state_keys": 5, "lookback_seconds": 0}
    for number in range(400):
        folder.put(f"songs/{number:03}.yaml", f"title: t{number}", "2024-01-01")
    first = folder.tap(**many)
    for number in range(250):
        folder.delete(f"songs/{number:03}.yaml")
    folder.put("songs/new.yaml", "title: new")
    second = folder.tap(first.state, **many)
    assert "raise max_state_keys" in caplog.text
    assert titles(second) == ["new"]
    assert second.messages[-2]["type"] == "ACTIVATE_VERSION"
    target = Tables()
    target.load(first.messages + second.messages)
    assert {row["title"] for row in target.current("songs")} == {
        *(f"t{number}" for number in range(250, 400)),
        "new",
    }
    assert is_quiet(folder, second, many)


def test_the_whole_list_of_files_is_owed_until_it_was_sent(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    many: dict[str, Any] = {"max_state_keys": 5, "lookback_seconds": 0}
    monkeypatch.setattr(sync, "STATE_SECONDS", 0.0)
    for number in range(400):
        folder.put(f"songs/{number:03}.yaml", f"title: t{number}", "2024-01-01")
    first = folder.tap(**many)
    for number in range(250):
        folder.delete(f"songs/{number:03}.yaml")
    folder.put("songs/new.yaml", "title: new")
    second = folder.tap(first.state, **many)
    (end,) = [n for n, m in enumerate(second.messages) if m["type"] == "ACTIVATE_VERSION"]
    cut_off = second.messages[:end]
    state = [message["value"] for message in cut_off if message["type"] == "STATE"][-1]
    third = folder.tap(json.loads(json.dumps(state)), **many)
    target = Tables()
    target.load(first.messages + cut_off + third.messages)
    assert len(target.current("songs")) == 151


def test_many_files_are_read_in_parts_of_one_run(
    files: Tapped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MAX_PENDING", 7)
    many: dict[str, Any] = {"max_state_keys": 5, "lookback_seconds": 0}
    for number in range(50):
        files.put(f"songs/{number:02}.yaml", f"title: t{number}")
    first = files.tap(**many)
    assert sorted(titles(first)) == sorted(f"t{number}" for number in range(50))
    for number in range(0, 50, 2):
        files.put(f"songs/{number:02}.yaml", f"title: changed {number}")
    files.delete("songs/01.yaml")
    second = files.tap(first.state, **many)
    assert second.counts() == {"songs": 25, "_files": 26}
    assert is_quiet(files, second, many)


def test_two_sources_share_the_bookmark_of_the_files(folder: Folder) -> None:
    streams = [SONGS, {"name": "all", "prefix": "", "pattern": r"\.yaml$"}]
    many: dict[str, Any] = {"max_state_keys": 5, "lookback_seconds": 0, "streams": streams}
    for number in range(20):
        folder.put(f"songs/{number:02}.yaml", f"title: t{number}", "2024-02-01")
        folder.put(f"a/{number:02}.yaml", f"title: a{number}", "2024-01-01")
    first = folder.tap(**many)
    assert first.counts() == {"songs": 20, "all": 40, "_files": 40}
    folder.delete("songs/03.yaml")
    folder.delete("a/03.yaml")
    second = folder.tap(first.state, **many)
    assert second.counts() == {"_files": 2}
    assert is_quiet(folder, second, many)


def test_an_earlier_start_date_brings_in_what_it_had_left_out(folder: Folder) -> None:
    many: dict[str, Any] = {"max_state_keys": 3, "lookback_seconds": 0}
    for day in range(1, 10):
        folder.put(f"songs/{day}.yaml", f"title: t{day}", f"2024-01-0{day}")
    first = folder.tap(**many, start_date="2024-01-04T00:00:00Z")
    assert titles(first) == [f"t{day}" for day in range(4, 10)]
    assert is_quiet(folder, first, {**many, "start_date": "2024-01-04T00:00:00Z"})
    second = folder.tap(first.state, **many, start_date="2024-01-02T00:00:00Z")
    assert {"t2", "t3"} <= set(titles(second))
    assert "t1" not in titles(second)
    target = Tables()
    target.load(first.messages + second.messages)
    assert {row["title"] for row in target.current("songs")} == {f"t{n}" for n in range(2, 10)}


def test_a_file_that_goes_when_there_are_few_enough_again_is_noticed(folder: Folder) -> None:
    many: dict[str, Any] = {"max_state_keys": 2}
    for name in "abc":
        folder.put(f"songs/{name}.yaml", f"title: {name}")
    first = folder.tap(**many)
    folder.delete("songs/a.yaml")
    second = folder.tap(first.state, **many)
    third = folder.tap(second.state, **many)
    assert third.counts() == {}
    target = Tables()
    target.load(first.messages + second.messages + third.messages)
    assert sorted(row["title"] for row in target.current("songs")) == ["b", "c"]


def test_a_broken_file_in_place_of_a_vanished_one_brings_nothing_back(files: Tapped) -> None:
    files.put("songs/a.yaml", "title: one")
    first = files.tap()
    files.delete("songs/a.yaml")
    second = files.tap(first.state)
    files.put("songs/a.yaml", "title: [")
    third = files.tap(second.state)
    target = Tables()
    target.load(first.messages + second.messages + third.messages)
    assert target.current("songs") == []


def test_a_broken_version_leaves_the_one_before_current(files: Tapped) -> None:
    files.put("songs/a.yaml", "title: one")
    first = files.tap()
    files.put("songs/a.yaml", "title: [")
    second = files.tap(first.state)
    target = Tables()
    target.load(first.messages + second.messages)
    assert [row["title"] for row in target.current("songs")] == ["one"]


def test_a_stream_added_later_reads_old_files_for_itself_alone(files: Tapped) -> None:
    files.put("songs/a.yaml", "title: one")
    files.put("songs/b.yaml", "title: two")
    state = files.tap().state
    output = files.tap(state, streams=[SONGS, {"name": "later", "prefix": "songs/"}])
    assert output.counts() == {"later": 2}
    assert (
        files.tap(output.state, streams=[SONGS, {"name": "later", "prefix": "songs/"}]).counts()
        == {}
    )


def test_each_stream_goes_on_from_its_own_bookmark(folder: Folder) -> None:
    """A target acknowledges each stream on its own: any mix of its states must do."""
    streams: list[dict[str, Any]] = [SONGS, {"name": "later", "prefix": "songs/"}]
    folder.put("songs/a.yaml", "title: one")
    first = folder.tap(streams=streams)
    folder.put("songs/b.yaml", "title: two")
    second = folder.tap(first.state, streams=streams)
    mixed = {
        "bookmarks": {
            **first.state["bookmarks"],
            "songs": second.state["bookmarks"]["songs"],
        }
    }
    assert folder.tap(mixed, streams=streams).counts() == {"later": 1, "_files": 1}


def test_a_deselected_stream_is_not_read_and_its_bookmark_is_kept(folder: Folder) -> None:
    streams: list[dict[str, Any]] = [SONGS, {"name": "other", "prefix": "other/"}]
    folder.put("songs/a.yaml", "title: one")
    folder.put("other/a.yaml", "title: two")
    first = folder.tap(streams=streams)
    folder.put("songs/b.yaml", "title: three")
    folder.put("other/b.yaml", "title: four")
    catalog = catalog_of(folder, streams, {"songs"})
    second = folder.tap(first.state, catalog, streams=streams)
    assert second.counts() == {"songs": 1}
    assert second.state["bookmarks"]["other"] == first.state["bookmarks"]["other"]
    assert folder.tap(second.state, streams=streams).counts() == {"other": 1, "_files": 2}


def test_a_deselected_field_is_left_out(folder: Folder) -> None:
    folder.put("songs/a.yaml", "title: one\nplays: 1.50")
    catalog = catalog_of(folder, [SONGS], {"songs"})
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            if metadata["breadcrumb"][-1:] == ["_sdc_source_etag"]:
                metadata["metadata"]["selected"] = False
    output = folder.tap(None, catalog)
    (record,) = output.records("songs")
    assert "_sdc_source_etag" not in record
    assert record["document"] == {"title": "one", "plays": 1.5}
    assert "_sdc_source_etag" not in output.schemas["songs"]["schema"]["properties"]


def test_foreign_state_is_kept_and_never_read(folder: Folder) -> None:
    folder.put("songs/a.yaml", "title: one")
    strange: list[dict[str, Any]] = [
        {"bookmarks": {"gone": {"replication_key_value": "x"}, "songs": {"files": 3, "lsn": "x"}}},
        {"bookmarks": {"songs": {"bucket": "raps", "cursor": 5, "files": {"songs/a.yaml": 1}}}},
        {"bookmarks": {"songs": {"in_progress": {"key": 1}}, "_files": None}},
        {"bookmarks": []},
        {"something": "else"},
    ]
    for state in strange:
        assert titles(folder.tap(state)) == ["one"]
    assert folder.tap(strange[0]).state["bookmarks"]["gone"] == {"replication_key_value": "x"}


def test_another_buckets_state_says_nothing_of_this_one(folder: Folder) -> None:
    folder.put("songs/a.yaml", "title: one")
    state = folder.tap().state
    for bookmark in state["bookmarks"].values():
        bookmark["bucket"] = "another"
    output = folder.tap(state)
    assert titles(output) == ["one"]
    assert [r["deleted_at"] for r in output.records("_files")] == [None]


def test_files_of_a_source_that_is_not_read_are_not_called_gone(folder: Folder) -> None:
    other = {"name": "other", "prefix": "other/"}
    folder.put("songs/a.yaml", "title: one")
    folder.put("other/a.yaml", "title: two")
    state = folder.tap(streams=[SONGS, other]).state
    assert folder.tap(state, streams=[SONGS]).counts() == {}


def test_more_than_a_page_of_objects_is_listed(s3: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1_001):
        s3.put(f"songs/{number:04}.json", b'{"title": "%d"}' % number)
    assert len(s3.tap().records("songs")) == 1_001


def catalog_of(folder: Folder, streams: list[dict[str, Any]], selected: set[str]) -> dict[str, Any]:
    from tap_files import TapFiles  # noqa: PLC0415 - only the tests that choose need it

    catalog = TapFiles(config=folder.config(streams=streams)).catalog_dict
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            if metadata["breadcrumb"] in ([], ()):
                metadata["metadata"]["selected"] = entry["tap_stream_id"] in selected
    return catalog
