"""What the server is and what it lets the tap do, said before anything is read."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pymongo.errors import PyMongoError
from pymongo.read_preferences import ReadPreference

from tap_mongodb import metrics
from tap_mongodb.connection import errors_named
from tap_mongodb.mongo import standalone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bson import Timestamp
    from pymongo import MongoClient

    from tap_mongodb.mongo import MongoSource
    from tap_mongodb.settings import Settings

logger = logging.getLogger("tap-mongodb")

_SECONDS = 3600


def check_topology(client: MongoClient[dict[str, Any]]) -> None:
    """Look for a history of changes.

    Raises:
        ConfigError: the server is standalone.
        SourceUnreachableError: no primary answers, or it refuses these credentials.
    """
    with errors_named("server"):
        hello = client.admin.command("hello")
    name = hello.get("setName")
    if name is None and hello.get("msg") != "isdbgrid":
        raise standalone("server")
    logger.info(
        "topology: %s", f"replica set {name}" if name else "sharded cluster, through mongos"
    )


def report(
    client: MongoClient[dict[str, Any]],
    source: MongoSource,
    settings: Settings,
    collections: Sequence[str],
) -> None:
    """Say what was found and what it means; warn of what will hurt, stop at nothing."""
    _roles(client)
    _oplog(client, settings.min_oplog_window_hours, source.clock())
    without = [name for name in collections if not source.has_images(name)]
    if settings.full_document_before_change != "off" and without:
        logger.warning(
            "images: %d of %d collections keep no pre-images, so full_document_before_change "
            "finds nothing there; run collMod with changeStreamPreAndPostImages",
            len(without),
            len(collections),
        )
    logger.info(
        "images: %d of %d collections keep post-images; updates of the others are looked up, and "
        "show the document as it is when they are read",
        len(collections) - len(without),
        len(collections),
    )


def _roles(client: MongoClient[dict[str, Any]]) -> None:
    try:
        info = client.admin.command("connectionStatus")["authInfo"]
    except (PyMongoError, KeyError):
        return
    roles = sorted(f"{role['role']}@{role['db']}" for role in info["authenticatedUserRoles"])
    logger.info("roles: %s", ", ".join(roles) or "none, access control is off")


def _oplog(client: MongoClient[dict[str, Any]], least: int, now: Timestamp) -> None:
    """Say how far back from ``now`` the history reaches, where the oplog may be looked at."""
    oplog = client.local.get_collection("oplog.rs", read_preference=ReadPreference.PRIMARY)
    try:
        first = oplog.find_one({}, {"ts": 1}, sort=[("$natural", 1)], max_time_ms=2_000)
    except PyMongoError:
        logger.info("oplog: cannot be looked at; how long the history is, the tap cannot say")
        return
    if first is None:
        return
    hours = (now.time - first["ts"].time) / _SECONDS
    metrics.oplog_window(hours)
    if hours < least:
        logger.warning(
            "oplog: it reaches back %.1f hours, less than min_oplog_window_hours %d; a tap that "
            "pauses for longer reads everything again. A new server has a short one",
            hours,
            least,
        )
