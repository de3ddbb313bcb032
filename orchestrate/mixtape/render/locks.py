"""What keeps runs apart: a mutex for each resource written, a semaphore for all of a cluster.

They are held by templates, not by Workflows: an exit handler waits for nobody, and a long form
holds each step's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hera.workflows.models import (
    Backoff,
    ConfigMapKeySelector,
    Mutex,
    RetryStrategy,
    SemaphoreRef,
    Synchronization,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

LIMITS = "mixtape-limits"
"""The ConfigMap with the number of runs that one cluster carries at once."""

RUNS = "runs"


def synchronization(mutexes: Iterable[str]) -> Synchronization:
    """Return the locks of a run: taken all at once or not at all, so that none waits in a ring."""
    return Synchronization(
        mutexes=[Mutex(name=name) for name in mutexes],
        semaphores=[SemaphoreRef(config_map_key_ref=ConfigMapKeySelector(name=LIMITS, key=RUNS))],
    )


def retry(longest: str) -> RetryStrategy:
    """Return two more attempts, none begun later than ``longest`` seconds after the first."""
    return RetryStrategy(
        limit="2",
        retry_policy="Always",
        backoff=Backoff(duration="30s", factor="4", cap="5m", max_duration=longest),
    )
