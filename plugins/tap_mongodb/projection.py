"""What the server leaves out of a stream's documents, as the catalog's metadata says."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from singer_kit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

METADATA = "projection"
Paths = tuple[str, ...]
"""Dotted paths of fields."""


def left_out(catalog: Any) -> dict[str, Paths]:
    """Return what each stream of a Singer catalog leaves out, by the stream's name.

    It is MongoDB's own projection in the stream's metadata: ``{"projection": {"ssn": 0}}``; or
    the same as text, for Meltano takes an object there for a property's metadata.

    Raises:
        ConfigError: it names a field to be taken, or ``_id``.
    """
    streams = catalog.get("streams", ()) if isinstance(catalog, dict) else ()
    found = {}
    for stream in streams:
        name = stream.get("tap_stream_id") or stream.get("stream")
        for entry in stream.get("metadata", ()):
            if not entry.get("breadcrumb") and (given := entry["metadata"].get(METADATA)):
                found[name] = _paths(name, given)
    return found


def _paths(stream: str, given: Any) -> Paths:
    if isinstance(given, str):
        with contextlib.suppress(ValueError):
            given = json.loads(given)
    if not isinstance(given, dict) or any(value not in (0, False) for value in given.values()):
        raise ConfigError(
            f"stream {stream!r}: the catalog's metadata {METADATA!r} must say which fields the "
            'server leaves out, each with a 0, like {"ssn": 0, "address.street": 0}'
        )
    if "_id" in given:
        raise ConfigError(
            f"stream {stream!r}: the catalog's metadata {METADATA!r} leaves out _id, which is the "
            "row's key; take it away from there"
        )
    return tuple(sorted(given))


def of_document(paths: Paths) -> dict[str, int] | None:
    """Return the projection for documents; None where nothing is left out."""
    return dict.fromkeys(paths, 0) or None


def of_events(collections: Mapping[str, Paths]) -> dict[str, int]:
    """Return the projection for a change stream that follows some collections.

    What an update changed goes with the fields: its names are whole paths, which no projection
    can tell apart.

    Raises:
        ConfigError: they leave out different fields, and a projection is the same for all.
    """
    said = set(collections.values())
    if len(said) > 1:
        some = next(name for name, paths in collections.items() if paths)
        raise ConfigError(
            f"collection {some!r}: it leaves out fields that others on the same change stream do "
            "not; set capture_scope to collection"
        )
    paths = said.pop() if said else ()
    documents = ("fullDocument", "fullDocumentBeforeChange")
    fields = [f"{document}.{path}" for document in documents for path in paths]
    return dict.fromkeys(["updateDescription", *fields], 0) if fields else {}
