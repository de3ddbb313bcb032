"""The live application and its MongoDB, which lets in whoever has an account, and nobody else."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Self

from fixtures.fix_mongodb import connect
from mixtape.activity import DATABASE, Application
from mixtape.services.mongodb import Mongodb, build

if TYPE_CHECKING:
    from pathlib import Path

_SEED = 7
COLLECTIONS = ("artists", "lyrics", "meetups", "plays", "registrations")


class Live:
    """The application at work; inside a ``with`` block."""

    def __init__(self, root: Path) -> None:
        """Describe it; its server's files are below ``root``."""
        build()
        self._service = Mongodb(root)
        self.password = secrets.token_urlsafe(16)
        #: user:password of an account that may read
        self.reader = f"reader:{self.password}"

    def __enter__(self) -> Self:
        """Make the accounts, and let the application begin."""
        service = self._service
        service.start()
        own = secrets.token_urlsafe(16)
        with connect(service.uri) as client:
            for name, password, role in (
                ("application", own, {"role": "root", "db": "admin"}),
                ("reader", self.password, {"role": "read", "db": DATABASE}),
            ):
                client.admin.command("createUser", name, pwd=password, roles=[role])
        service.stop()
        service.options = ("--auth",)
        service.start()
        self._client = connect(service.uri.replace("//", f"//application:{own}@", 1))
        self._database = self._client[DATABASE]
        self.application = Application(self._database, _SEED)
        self.application.begin()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._client.close()
        self._service.stop()

    @property
    def port(self) -> int:
        """Where the server listens on this machine."""
        return self._service.port

    def statuses(self) -> dict[str, set[tuple[str, str | None]]]:
        """Return each collection's keys, with the status of what has one."""
        return {
            name: {
                (str(document["_id"]), document.get("status"))
                for document in self._database[name].find({}, {"status": 1})
            }
            for name in COLLECTIONS
        }
