"""tap-files: documents in files, from S3 or a local folder, as Singer streams."""

from __future__ import annotations

from typing import NoReturn

from singer_kit import main as process
from tap_files.tap import TapFiles

__all__ = ["TapFiles", "main"]


def main() -> NoReturn:
    """Run the console script ``tap-files``."""
    process.run(TapFiles)
