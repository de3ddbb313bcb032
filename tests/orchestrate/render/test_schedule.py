"""When runs start: aliases are spread and stable, a written cron is left as it is."""

from __future__ import annotations

import pytest

from mixtape.render import schedule


def test_alias_starts_at_the_same_minute_in_every_rendering() -> None:
    assert schedule.cron("@hourly", "files-to-postgres-hourly") == "15 * * * *"


def test_aliases_are_spread_over_the_hour() -> None:
    starts = [schedule.cron("@hourly", f"source-{number}") for number in range(600)]
    counts = [starts.count(f"{minute} * * * *") for minute in range(60)]
    assert min(counts) > 0
    assert max(counts) < 30


@pytest.mark.parametrize(
    ("alias", "rest"),
    [
        ("@hourly", "* * * *"),
        ("@daily", "0 * * *"),
        ("@midnight", "0 * * *"),
        ("@weekly", "0 * * 0"),
        ("@monthly", "0 1 * *"),
        ("@yearly", "0 1 1 *"),
        ("@annually", "0 1 1 *"),
    ],
)
def test_alias_keeps_its_meaning(alias: str, rest: str) -> None:
    minute, _, others = schedule.cron(alias, "x").partition(" ")
    assert 0 <= int(minute) < 60
    assert others == rest


@pytest.mark.parametrize("cron", ["0 0 * * *", "*/7 3-5 1,15 * 1-5", "59 23 31 12 6"])
def test_written_cron_is_never_changed(cron: str) -> None:
    assert schedule.cron(cron, "x") == cron


@pytest.mark.parametrize(
    ("cron", "seconds"),
    [
        ("* * * * *", 60),
        ("*/5 * * * *", 300),
        ("30 * * * *", 3600),
        ("0 0,1 * * *", 3600),
        ("0 3 * * *", 86400),
        ("0 0 1 1 *", 365 * 86400),
    ],
)
def test_gap_is_the_shortest_time_between_two_starts(cron: str, seconds: int) -> None:
    assert schedule.gap(cron) == seconds


def test_late_start_is_made_up_only_before_the_next_one() -> None:
    assert schedule.starting_deadline("* * * * *") == 30
    assert schedule.starting_deadline("0 3 * * *") == 600


def test_tap_ends_before_its_pod_does() -> None:
    assert schedule.max_run_seconds(3600) == 3300
