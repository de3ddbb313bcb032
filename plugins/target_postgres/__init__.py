"""A Singer target for PostgreSQL."""

from __future__ import annotations

from singer_kit.main import run
from target_postgres.target import TargetPostgres

__all__ = ["TargetPostgres", "main"]


def main() -> None:
    """Run the command line ``target-postgres``."""
    run(TargetPostgres)
