"""Bookmarks by themselves: what counts as seen, and how little of it must be kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tap_files.client import FileObject
from tap_files.state import Bookmark


def obj(key: str = "a", etag: str = "e1", day: int = 1) -> FileObject:
    return FileObject(datetime(2024, 1, day, tzinfo=UTC), key, etag, 1)


def test_a_version_is_needed_until_it_is_finished() -> None:
    bookmark = Bookmark(None, "b")
    assert bookmark.needs(obj())
    bookmark.finish(obj(), 5)
    assert not bookmark.needs(obj())
    assert bookmark.needs(obj(etag="e2"))
    assert bookmark.needs(obj(etag="e2", day=31))
    bookmark.forget(["a"])
    assert bookmark.needs(obj())


def test_what_is_written_is_what_is_read() -> None:
    bookmark = Bookmark(None, "b")
    bookmark.finish(obj("x", day=3), 5)
    bookmark.reach(obj("a"), 17, 6, rows=3)
    again = Bookmark(bookmark.value(), "b")
    assert again.value() == bookmark.value()
    assert again.progress(obj("a")) == {**again.progress(obj("a")), "line": 17, "lsn": 6, "rows": 3}
    assert again.progress(obj("a", etag="e2")) == {}
    assert again.lsn == 6


def test_pruning_keeps_the_window_and_remembers_its_edge() -> None:
    bookmark = Bookmark(None, "b")
    for day in range(1, 11):
        bookmark.finish(obj(f"k{day}", day=day), day)
    bookmark.prune(3, timedelta(days=2))
    assert sorted(bookmark.files) == ["k10", "k8", "k9"]
    assert not bookmark.needs(obj("k5", day=5))
    assert bookmark.needs(obj("new", day=8))
    again = Bookmark(bookmark.value(), "b")
    assert not again.needs(obj("k5", day=5))
    # The edge does not go back when the window grows: what is behind it is known no more.
    again.finish(obj("k11", day=11), 11)
    again.prune(3, timedelta(days=30))
    assert not again.needs(obj("k5", day=5))


def test_a_window_with_too_many_files_is_cut_between_two_of_one_second() -> None:
    bookmark = Bookmark(None, "b")
    for name in "abcdef":
        bookmark.finish(obj(name), 1)
    bookmark.prune(2, timedelta(days=2))
    assert sorted(bookmark.files) == ["e", "f"]
    assert not bookmark.needs(obj("d"))
    assert bookmark.needs(obj("ee"))


def test_with_another_start_date_only_names_hold() -> None:
    bookmark = Bookmark(None, "b")
    for day in range(1, 11):
        bookmark.finish(obj(f"k{day}", day=day), day)
    bookmark.prune(3, timedelta(days=2))
    again = Bookmark(bookmark.value(), "b", datetime(2023, 1, 1, tzinfo=UTC))
    assert again.needs(obj("k5", day=5))
    assert not again.needs(obj("k9", day=9))


def test_another_bucket_keeps_only_the_version_number() -> None:
    bookmark = Bookmark(None, "b")
    bookmark.finish(obj(), 5)
    other = Bookmark(bookmark.value(), "c")
    assert other.needs(obj())
    assert other.lsn == 5


@pytest.mark.parametrize(
    "found",
    [
        None,
        [],
        "x",
        {"bucket": "b", "files": [], "cursor": 3, "lsn": None, "in_progress": []},
        {"bucket": "b", "files": {"a": 5}, "in_progress": {"key": "a", "etag": 1, "line": "x"}},
        {"bucket": "b", "pruned_before": "yesterday"},
        {"bucket": "b", "pruned_before": ["2026-01-01T00:00:00Z", ""], "sketch": "no sketch"},
        {"bucket": "b", "pruned_before": ["2026-01-01T00:00:00Z", ""], "sketch": 5},
        {"bucket": "b", "sketch": "kw==", "keys": [3]},
        {"replication_key": "updated_at", "replication_key_value": "2024-01-01"},
    ],
)
def test_whatever_stands_in_the_state_does_no_harm(found: Any) -> None:
    bookmark = Bookmark(found, "b")
    assert bookmark.needs(obj())
    assert bookmark.progress(obj()) == {}
