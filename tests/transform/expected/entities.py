"""Which document speaks for an entity, where several of two feeds do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from transform.expected.rows import time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from transform.mongo_feed import Document
    from transform.rap_files import File, Record

_FROM_FILES, _FROM_MONGO = 1, 0


@dataclass(frozen=True)
class Sources:
    """The files as they are now, and the documents of the application that live."""

    files: Mapping[str, File]
    documents: Mapping[str, Mapping[str, Document]]

    def entities(self, kind: str) -> dict[str, Record]:
        """Return the document that speaks for each artist, lyric or meetup, by its id.

        The one updated last; of equal ones files before the application, then the newest
        version, then the lesser name.
        """
        identity = f"{kind.removesuffix('s')}_id"
        found: dict[str, tuple[tuple[Any, ...], Record]] = {}
        for feed, version, record in self._claims(kind, identity):
            key, rank = record[identity], (time(record["updated_at"]), feed, version)
            if key not in found or rank > found[key][0]:
                found[key] = (rank, record)
        return {key: record for key, (_, record) in found.items()}

    def registrations(self) -> dict[str, Record]:
        """Return the registrations that live, by id: the one updated last, then the newest."""
        newest = self._newest(
            "registrations",
            "registration_id",
            lambda document: (time(document.record["updated_at"]), document.version),
        )
        return {key: document.record for key, (_, document) in newest.items()}

    def plays(self) -> dict[str, Record]:
        """Return the plays that live, by id: the newest version of each, with its document."""
        newest = self._newest("plays", "play_id", lambda document: (document.version,))
        return {
            key: {**document.record, "document_id": name}
            for key, (name, document) in newest.items()
        }

    def _claims(self, kind: str, identity: str) -> Iterator[tuple[int, int, Record]]:
        """Yield who says what: feed, version, document; of each feed the lesser name first."""
        for name in sorted(name for name in self.files if name.startswith(f"{kind}/")):
            file = self.files[name]
            # Of one entity's several documents in a file the last counts.
            for document in {each[identity]: each for each in file.documents}.values():
                yield _FROM_FILES, file.listed_at, document
        for _, stored in sorted(self.documents.get(kind, {}).items()):
            yield _FROM_MONGO, stored.version, stored.record

    def _newest(
        self, collection: str, identity: str, rank: Callable[[Document], tuple[Any, ...]]
    ) -> dict[str, tuple[str, Document]]:
        newest: dict[str, tuple[str, Document]] = {}
        for name, document in sorted(self.documents.get(collection, {}).items()):
            key = document.record[identity]
            if key not in newest or rank(document) > rank(newest[key][1]):
                newest[key] = (name, document)
        return newest
