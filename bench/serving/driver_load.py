"""Write ready-made rows with the DataStax driver's own helper; print the seconds it took.

The concurrency is the best of several, found on a part of the rows that does not count.
"""

from __future__ import annotations

import pickle
import sys
import time
from pathlib import Path
from typing import Any

from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.concurrent import execute_concurrent_with_args

CONCURRENCIES = (32, 64, 128, 256)
SAMPLE = 4_000


def main() -> None:
    """Connect, find the best concurrency, write everything."""
    host, port, user, keyspace, table, path, protocol = sys.argv[1:]
    names, rows = pickle.loads(Path(path).read_bytes())
    cluster = Cluster(
        [host],
        port=int(port),
        protocol_version=int(protocol),
        auth_provider=PlainTextAuthProvider(user, sys.stdin.read()),
        execution_profiles={EXEC_PROFILE_DEFAULT: ExecutionProfile(request_timeout=60)},
    )
    session = cluster.connect(keyspace)
    statement = session.prepare(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    )

    def seconds(rows: list[Any], concurrency: int) -> float:
        started = time.perf_counter()
        execute_concurrent_with_args(
            session, statement, rows, concurrency=concurrency, raise_on_first_error=True
        )
        return time.perf_counter() - started

    sample = rows[:SAMPLE]
    seconds(sample, CONCURRENCIES[0])
    best = min(CONCURRENCIES, key=lambda concurrency: seconds(sample, concurrency))
    print(seconds(rows, best))
    print(f"concurrency {best}", file=sys.stderr)
    cluster.shutdown()


if __name__ == "__main__":
    main()
