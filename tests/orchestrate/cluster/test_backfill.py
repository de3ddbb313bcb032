"""A backfill loads days again, one after another, and leaves the schedule's bookmark alone."""

from __future__ import annotations

import itertools
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from orchestrate.cluster.corpus import many
from orchestrate.cluster.kube import pods_of

if TYPE_CHECKING:
    from orchestrate.cluster.runs import Cluster

pytestmark = pytest.mark.cluster

_DAYS = [date(2026, 1, 1) + timedelta(days=number) for number in range(5)]


def test_backfill_over_five_days(cluster: Cluster, raps: dict[str, bytes]) -> None:
    cluster.put(raps | many("backfill", 20))
    cluster.run("files")
    before = cluster.states()
    rows = _rows(cluster)

    backfill = cluster.backfill("files", _DAYS)
    beside = cluster.start("files-again")
    ended = cluster.succeeded(backfill, 900)
    cluster.succeeded(beside, 400)

    days = [node for node in pods_of(ended) if node["templateName"].endswith("-day")]
    assert len(days) == len(_DAYS)
    spans = sorted(
        (datetime.fromisoformat(node["startedAt"]), datetime.fromisoformat(node["finishedAt"]))
        for node in [*days, *pods_of(cluster.kube.get("workflow", beside))]
    )
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(spans))

    after = cluster.states()
    added = after.keys() - before.keys()
    assert len([key for key in added if ":backfill-" in key]) == len(_DAYS)
    (bookmark,) = (key for key in before if key.endswith("-to-target-postgres/state.json"))
    assert after[bookmark] == before[bookmark]
    assert _rows(cluster) == rows, "what the table held already stayed"


def _rows(cluster: Cluster) -> list[tuple[str, str, str]]:
    """Return each artist's row, without what is a load's own."""
    return cluster.rows(
        "select _sdc_source_file, name, _sdc_source_etag from raw_files.artists order by 1, 2"
    )
