"""An S3 stand-in in Python, for machines with neither MinIO nor Go.

Good enough for a first look; every claim about S3 is proven on MinIO. It keeps objects in
memory: after a restart the corpus is uploaded again, which changes no etag and so no row.
"""

from __future__ import annotations

import sys

from mixtape.services.object_store import ObjectStoreService


class Moto(ObjectStoreService):
    """A moto server of this checkout."""

    title = "moto (S3 stand-in)"

    def command(self, port: int) -> list[str]:
        """Return the server's command; it listens on the loopback interface only."""
        return [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
