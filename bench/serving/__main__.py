"""Run the cases, interleaved, on one Cassandra node; write a table into docs/."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import measure
from loaders import cases
from measure import Figures
from rich.console import Console

from mixtape.paths import run_root
from mixtape.services.cassandra import Cassandra
from serving import equality, report
from serving.contenders import CASES, contenders

SETTINGS = {
    "auto_snapshot": False,
    # A small node's are the services'; these are what Cassandra takes by itself with this heap.
    "memtable_heap_space": "1GiB",
    "memtable_offheap_space": "1GiB",
    "credentials_validity": "2000ms",
    "commitlog_sync_period": "10000ms",
}
PROPERTIES = {
    "io.netty.tryReflectionSetAccessible": "true",
    "io.netty.allocator.useCacheForAllThreads": "true",
    "io.netty.allocator.maxOrder": "11",
}
FLAGS = (
    "-XX:+ParallelRefProcEnabled",
    "-XX:MaxTenuringThreshold=1",
    "-XX:G1HeapRegionSize=16m",
    "-XX:G1RSetUpdatingPauseTimePercent=5",
    "-XX:MaxGCPauseMillis=300",
    "-XX:InitiatingHeapOccupancyPercent=70",
    "-XX:+AlwaysPreTouch",
    "-XX:+PerfDisableSharedMem",
)
"""Both as in the files for Java that Cassandra 5.0 comes with."""
MOST_ROUNDS = {"lyrics_by_artist": 1}
"""How often at the most a table is filled. This one takes three to six minutes a round, and its
goal is far off: of 2.5, rounds so far were at 5.1 to 7.3."""
WARM_UPS = 3
"""Loads of each table before anything counts. In the fourth load of the first table alone Java
still took a quarter of the server's time to compile it, in the sixth a fiftieth."""
AT_REST = 0.2
"""Of one core; less than that a node takes that has nothing to do."""
REST_SECONDS = 300


def main() -> None:
    """Start a node of the bench's own and run everything."""
    parser = measure.options(__doc__)
    parser.set_defaults(rounds=5)
    options = parser.parse_args()
    root = run_root() / "bench-serving"
    node = Cassandra(root, heap="4g", settings=SETTINGS, options=PROPERTIES, flags=FLAGS, bare=True)
    try:
        node.start()
        with tempfile.TemporaryDirectory(dir=root) as scratch:
            results = run(Path(scratch), node, root, options.scale, options.rounds)
    finally:
        node.stop()
        shutil.rmtree(root, ignore_errors=True)
    Console(width=120).print(report.table(results))
    if options.write:
        report.write(results, int(200_000 * options.scale))


def run(
    scratch: Path, node: Cassandra, root: Path, scale: float, rounds: int
) -> list[report.Result]:
    """Let everyone fill every table, in turn, ``rounds`` times."""
    console = Console()
    [feed] = cases.make(scratch, scale, {"fresh"})
    results: dict[tuple[str, str], report.Result] = {}
    with node.session() as session:
        entrants = contenders(root.parent / "bench-peers", node, session, scratch, feed)
        # Whoever came first would wait for Java to compile the server.
        console.print("warming up …")
        for case in CASES * WARM_UPS:
            entrants[0].load(case, Figures())
            entrants[0].empty(case)
        for number in range(1, rounds + 1):
            for case in CASES:
                if number > MOST_ROUNDS.get(case.table, rounds):
                    continue
                expected = {
                    is_flat: equality.expected(case, feed, is_flat=is_flat)
                    for is_flat in (False, True)
                }
                for one in entrants:
                    if case.table not in one.tables or number > (one.most_rounds or rounds):
                        continue
                    console.print(f"round {number} of {rounds}: {case.title}: {one.name} …")
                    rest(node)
                    key = (case.table, one.name)
                    result = results.setdefault(
                        key, report.Result(case, one.name, expected[False].rows, Figures())
                    )
                    one.load(case, result.figures)
                    found = equality.found(session, one.keyspace, case)
                    result.said = "equal" if found == expected[one.is_flat] else f"differs: {found}"
                    console.print(f"  {result.figures.seconds[-1]:.2f} s {result.said}")
                    if number == 1 and one is entrants[0]:
                        for other in entrants[1:]:
                            if case.table in other.tables:
                                other.take(case)
                    one.empty(case)
    return list(results.values())


def rest(node: Cassandra) -> None:
    """Wait until the node is through with what earlier loads left it to flush, merge and compile.

    Raises:
        TimeoutError: it was not for minutes.
    """
    [process] = node.processes()
    until = time.monotonic() + REST_SECONDS
    while time.monotonic() < until:
        before = process.cpu_times()
        time.sleep(2)
        now = process.cpu_times()
        if now.user + now.system - before.user - before.system < 2 * AT_REST:
            return
    raise TimeoutError("the node has not come to rest")


if __name__ == "__main__":
    main()
