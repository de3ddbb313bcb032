"""A Singer target for Cassandra."""

from __future__ import annotations

from singer_kit.main import run
from target_cassandra.target import TargetCassandra

__all__ = ["TargetCassandra", "main"]


def main() -> None:
    """Run the command line ``target-cassandra``."""
    run(TargetCassandra)
