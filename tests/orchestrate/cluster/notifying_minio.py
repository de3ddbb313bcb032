"""A MinIO that tells a webhook of uploads, as an object store in a cluster is set up to do."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import trustme

from mixtape.services.base import free_port
from mixtape.services.minio import Minio

if TYPE_CHECKING:
    from pathlib import Path

ARN = "arn:minio:sqs::UPLOADS:webhook"


class NotifyingMinio(Minio):
    """A MinIO server with one webhook, on a port of this machine where nobody listens yet."""

    def __init__(self, root: Path) -> None:
        """Describe it; ``authority`` is the one whose certificates it believes."""
        super().__init__(root)
        self.webhook_port = free_port()
        self.token = secrets.token_hex(16)
        self.authority = trustme.CA()

    def prepare(self) -> None:
        """Trust the authority."""
        trusted = self.home / "certs" / "CAs"
        trusted.mkdir(parents=True, exist_ok=True)
        self.authority.cert_pem.write_to_path(str(trusted / "ca.crt"))
        super().prepare()

    def command(self, port: int) -> list[str]:
        """Return the server's command."""
        return [*super().command(port), "--certs-dir", str(self.home / "certs")]

    def environment(self) -> dict[str, str]:
        """Return the server's variables, the webhook's among them."""
        queue = self.home / "queue"
        queue.mkdir(exist_ok=True)
        webhook = {
            "ENABLE": "on",
            "ENDPOINT": f"https://127.0.0.1:{self.webhook_port}/uploads",
            "AUTH_TOKEN": self.token,
            "QUEUE_DIR": str(queue),
        }
        named = {f"MINIO_NOTIFY_WEBHOOK_{key}_UPLOADS": said for key, said in webhook.items()}
        return {**super().environment(), **named}
