"""The second step: each file against the contract, as the load will read it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mixtape.steps.messages import FILES, messages
from mixtape.steps.tables import FILES as MANIFEST

if TYPE_CHECKING:
    from mixtape.steps.run import Run


def validate(run: Run) -> None:
    """Note for each file how many documents keep the contract and how many break it.

    Files that the tap has no way to read leave the manifest. A document that breaks the contract
    fails no run: the load puts it into quarantine (docs/decisions/0006).

    Raises:
        PipelineError: more documents break it than the tap's `max_rejected_ratio` allows.
    """
    found: dict[str, tuple[int, int]] = {}
    codes: Counter[str] = Counter()
    for message in messages(run):
        if message.type != "RECORD":
            continue
        record = message.record
        if message.stream == FILES:
            found[record["key"]] = (record.get("rows") or 0, record.get("rejected") or 0)
        elif message.is_rejected:
            codes[record["error_code"]] += 1
    keys = list(found)
    values = {
        "run": run.id,
        "keys": keys,
        "rows": [found[key][0] for key in keys],
        "rejected": [found[key][1] for key in keys],
    }
    with run.tables.database.transaction():
        unread = run.tables.change(
            "delete from {files} as files where run_id = %(run)s and not exists ("
            " select from unnest(%(keys)s::text[]) as found (key) where found.key = files.key)",
            values,
            files=MANIFEST,
        )
        run.tables.change(
            "update {files} as files set rows = found.rows, rejected = found.rejected"
            " from unnest(%(keys)s::text[], %(rows)s::bigint[], %(rejected)s::bigint[])"
            " as found (key, rows, rejected)"
            " where files.run_id = %(run)s and files.key = found.key",
            values,
            files=MANIFEST,
        )
    run.summary |= {
        "files": len(found),
        "unread": unread,
        "rows": sum(rows for rows, _ in found.values()),
        "rejected": sum(rejected for _, rejected in found.values()),
        "faults": dict(codes),
    }
