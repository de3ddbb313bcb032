"""Rap files in MinIO are served from Cassandra, loaded by a role that may read and modify only."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from fixtures.fix_cassandra import Keyspace
    from fixtures.fix_meltano import Project

JOB = "files-to-cassandra"

SONG = """schema_version: 1
title: Quorum at Dawn
lyrics: two of three are enough
released_date: {date}
credits:
  - {{artist: {artist}, role: singer}}
  - {{artist: {artist}, role: lyricist}}
updated_at: 2026-05-01T12:00:00Z
"""


class Application:
    """Asks what the serving application asks, one table for each question."""

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace

    def ask(self, table: str, **key: Any) -> list[dict[str, Any]]:
        """Return the rows of a partition; no question may need ALLOW FILTERING."""
        where = " AND ".join(f"{name} = %s" for name in key)
        return self._keyspace.execute(f"SELECT * FROM {{}}.{table} WHERE {where}", *key.values())


def test_every_question_of_the_application_is_answered_by_one_table(
    project: Project, raps: dict[str, bytes], keyspace: Keyspace, cassandra_loader: dict[str, str]
) -> None:
    project.put(raps)
    run = project.run(JOB, **cassandra_loader)
    ask = Application(keyspace).ask
    lyrics = keyspace.execute("SELECT * FROM {}.lyrics_by_id")
    meetups = keyspace.execute("SELECT * FROM {}.meetups_by_month")
    artists = keyspace.execute("SELECT * FROM {}.artists_by_id")
    written = [yaml.safe_load(raps[key]) for key in raps if key.startswith("meetups/")]
    assert len(lyrics) >= 40, run.log
    assert len(artists) >= 15, run.log
    assert {meetup["title"] for meetup in meetups} == {one["title"] for one in written}, run.log
    for lyric in lyrics:
        assert ask("lyrics_by_id", lyric_id=lyric["lyric_id"]) == [lyric]
        for credit in lyric["credits"]:
            own = ask("lyrics_by_artist", artist_id=credit.artist_id)
            assert lyric["title"] in [
                one["title"] for one in own if one["lyric_id"] == lyric["lyric_id"]
            ]
            dates = [str(one["released_date"]) for one in own]
            assert dates == sorted(dates, reverse=True)
    performed = 0
    for meetup in meetups:
        assert meetup in ask("meetups_by_month", month=meetup["month"])
        assert meetup["month"] == meetup["starts_at"].isoformat()[:7]
        for performance in meetup["performances"] or ():
            found = ask("performances_by_lyric", lyric_id=performance.lyric_id)
            assert (meetup["meetup_id"], performance.artist_id) in {
                (one["meetup_id"], one["artist_id"]) for one in found
            }
            performed += 1
    assert performed == sum(len(one.get("performances", ())) for one in written), run.log
    for artist in artists:
        assert ask("artists_by_id", artist_id=artist["artist_id"]) == [artist]
    # Live changes feed these; the questions are answered all the same.
    assert ask("registrations_by_meetup", meetup_id=uuid.uuid4()) == []
    assert ask("plays_by_lyric_day", lyric_id=uuid.uuid4(), played_on="2026-05-01") == []


def test_a_release_date_that_changes_moves_the_row_and_a_broken_rap_is_kept_apart(
    project: Project, keyspace: Keyspace, cassandra_loader: dict[str, str]
) -> None:
    key = "lyrics/quorum_at_dawn.yaml"
    song = SONG.format(date="2020-01-01", artist="Mc Quorum")
    project.put({key: song.encode(), "lyrics/broken.yaml": b"title: 7\n"})
    # Numbers with a fraction come from the environment on a cluster: one of the tap, two of ours.
    fractions = {
        "TAP_FILES_MAX_REJECTED_RATIO": "0.75",
        "TARGET_CASSANDRA_MAX_REJECTED_RATIO": "0.75",
        "TARGET_CASSANDRA_REQUEST_TIMEOUT_SECONDS": "20.5",
    }
    project.run(JOB, **cassandra_loader, **fractions)
    [first] = keyspace.execute("SELECT * FROM {}.lyrics_by_artist")
    assert str(first["released_date"]) == "2020-01-01"
    assert [credit.role for credit in first["credits"]] == ["singer", "lyricist"]
    faults = keyspace.execute("SELECT * FROM {}.lyrics__rejected")
    assert {fault["source_key"] for fault in faults} == {f"{project.bucket}/lyrics/broken.yaml#1"}
    project.put({key: SONG.format(date="2021-02-03", artist="Mc Quorum").encode()})
    project.run(JOB, **cassandra_loader)
    [moved] = keyspace.execute("SELECT * FROM {}.lyrics_by_artist")
    assert str(moved["released_date"]) == "2021-02-03"
    assert moved["lyric_id"] == first["lyric_id"]
