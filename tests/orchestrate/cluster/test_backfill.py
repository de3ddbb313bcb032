"""A backfill loads days again, one after another, and leaves the schedule's bookmark alone."""

from __future__ import annotations

import itertools
import json
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from orchestrate.cluster.corpus import many
from orchestrate.cluster.kube import pods_of
from orchestrate.cluster.runs import workflow

if TYPE_CHECKING:
    from orchestrate.cluster.kube import Object
    from orchestrate.cluster.runs import Cluster

pytestmark = pytest.mark.cluster

_DAYS = [date(2026, 1, 1) + timedelta(days=number) for number in range(5)]


def test_backfill_over_five_days(cluster: Cluster, raps: dict[str, bytes]) -> None:
    cluster.put(raps | many("backfill", 20))
    cluster.run("files")
    before = cluster.states()
    rows = _rows(cluster)

    backfill = cluster.submit(_backfill(cluster))
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
    assert len([key for key in after if ":backfill-" in key]) == len(_DAYS)
    (bookmark,) = (key for key in before if key.endswith("-to-target-postgres/state.json"))
    assert after[bookmark] == before[bookmark]
    assert _rows(cluster) == rows, "what the table held already stayed"


def _backfill(cluster: Cluster) -> Object:
    spec = cluster.kube.get("cronworkflow", "files")["spec"]["workflowSpec"]
    said = {each["name"]: each["value"] for each in spec["arguments"]["parameters"]}
    kept = {name: value for name, value in said.items() if not name.endswith(("suffix", "seconds"))}
    given = {
        **kept,
        "deadline-seconds": "900",
        "start-dates": json.dumps([str(day) for day in _DAYS]),
    }
    parameters = [{"name": name, "value": value} for name, value in given.items()]
    return workflow(
        "backfill-",
        {
            "workflowTemplateRef": {"name": "meltano-backfill"},
            "entrypoint": spec["entrypoint"],
            "arguments": {"parameters": parameters},
        },
    )


def _rows(cluster: Cluster) -> list[tuple[str, str, str]]:
    """Return each artist's row, without what is a load's own."""
    return cluster.rows(
        "select _sdc_source_file, name, _sdc_source_etag from raw_files.artists order by 1, 2"
    )
