"""What each check sees in the files, and what it lets pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mixtape.pipeline import PipelineError
from mixtape.steps import quality

if TYPE_CHECKING:
    from mixtape.steps.run import Run
    from orchestrate.steps.conftest import Say

_COLUMNS = ("bucket", "key", "etag", "size", "last_modified", "reason", "rows")


def _found(run: Run) -> dict[tuple[str, str], tuple[int, int, str | None]]:
    rows = run.tables.select(
        "select stream, name, found, looked_at, example from {checks} where found > 0",
        {},
        checks="_run_checks",
    )
    return {(stream, name): tuple(rest) for stream, name, *rest in rows}


def _artist(name: str, **more: Any) -> dict[str, Any]:
    return {"artist_id": name, "_sdc_source_file": f"artists/{name}.yaml", **more}


def test_good_files_have_nothing_found(run: Run, say: Say) -> None:
    say(quality, artists=[_artist("a"), _artist("b")], plays=[{"play_id": "1", "artist_id": "a"}])
    quality.quality(run)
    assert _found(run) == {}
    assert run.summary["warnings"] == 0


def test_a_key_in_two_files_is_seen_but_not_twice_in_one(run: Run, say: Say) -> None:
    again = _artist("a", _sdc_source_file="artists/copy.yaml", _sdc_source_lineno=7)
    say(quality, artists=[_artist("a"), _artist("a"), again])
    quality.quality(run)
    assert _found(run) == {("artists", "key_in_two_files"): (1, 3, "artists/copy.yaml#7")}


def test_unknown_fields_are_seen(run: Run, say: Say) -> None:
    say(quality, artists=[_artist("a", _sdc_extra={"mood": "low"}), _artist("b", _sdc_extra=None)])
    quality.quality(run)
    assert _found(run) == {("artists", "unknown_fields"): (1, 2, "artists/a.yaml#1")}


def test_a_reference_is_looked_for_in_the_files_and_in_what_was_loaded(run: Run, say: Say) -> None:
    run.tables.database.execute("create table artists (artist_id text)")
    run.tables.database.execute("insert into artists values ('loaded')")
    plays = [
        {"play_id": str(number), "artist_id": artist, "_sdc_source_file": "plays/p.jsonl"}
        for number, artist in enumerate(("here", "loaded", "nowhere", None))
    ]
    say(quality, artists=[_artist("here")], plays=plays)
    quality.quality(run)
    assert _found(run) == {("plays", "artist_id_unknown"): (1, 3, "plays/p.jsonl#1")}


@pytest.mark.parametrize(("hours", "is_refused"), [(1, False), (48, True)])
def test_a_change_in_the_future_ends_the_run(
    run: Run, say: Say, hours: int, *, is_refused: bool
) -> None:
    changed = datetime.now(UTC) + timedelta(hours=hours)
    say(quality, artists=[_artist("a", updated_at=changed.isoformat())])
    if not is_refused:
        quality.quality(run)
        return
    with pytest.raises(PipelineError, match=r"artists/a\.yaml#1"):
        quality.quality(run)
    assert ("artists", "changed_in_the_future") in _found(run), "what was found stays"


def test_odd_files_are_seen_in_the_manifest(run: Run, say: Say) -> None:
    now = datetime.now(UTC)
    rows = [
        ("b", key, etag, size, now, "new", documents)
        for key, etag, size, documents in (
            ("fine", "1", 9, 1),
            ("copy", "1", 9, 1),
            ("empty", "2", 0, 0),
            ("nothing-in-it", "3", 9, 0),
        )
    ]
    run.tables.replace("_run_files", run.id, _COLUMNS, rows)
    say(quality)
    quality.quality(run)
    assert _found(run) == {
        ("", "empty"): (1, 4, "empty"),
        ("", "without_a_document"): (1, 4, "nothing-in-it"),
        ("", "same_content_twice"): (1, 4, "fine"),
    }


def test_a_step_that_is_tried_again_replaces_what_it_wrote(run: Run, say: Say) -> None:
    for _ in range(2):
        say(quality, artists=[_artist("a", _sdc_extra={"mood": "low"})])
        quality.quality(run)
    assert len(_found(run)) == 1
