"""tap-mongodb: collections of MongoDB and Amazon DocumentDB, and then their changes."""

from __future__ import annotations

from typing import NoReturn

from singer_kit import main as process
from tap_mongodb.tap import TapMongoDB

__all__ = ["TapMongoDB", "main"]


def main() -> NoReturn:
    """Run the console script ``tap-mongodb``."""
    process.run(TapMongoDB)
