"""From settings to a client, and from pymongo's errors to ours; neither ever says a secret."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.errors import ConfigurationError, InvalidURI, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.uri_parser import parse_uri

from singer_kit.errors import ConfigError, ConnectorError, SourceUnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymongo.database import Database

    from tap_mongodb.settings import Settings

RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)

_REFUSED = {
    13: "may not do this; grant the role `read` on the database",
    18: "is not let in; check user, password and authSource",
    8000: "is not let in; check user, password and authSource",
}


def connect(settings: Settings) -> MongoClient[dict[str, Any]]:
    """Return a client; nothing is asked of the server yet.

    Raises:
        ConfigError: the settings do not say how to connect, or the password file is not there.
    """
    options: dict[str, Any] = {"appname": "tap-mongodb"}
    if settings.documentdb_credential_json_string:
        uri = _documentdb(settings, options)
    else:
        uri = settings.mongodb_connection_string or ""
    if settings.mongodb_password_file:
        options["password"] = _password(settings.mongodb_password_file)
        options["username"] = _username(uri)
    # Where everything is logged, pymongo would log commands and answers, documents included.
    logging.getLogger("pymongo").setLevel(logging.WARNING)
    try:
        return MongoClient(uri, **options)
    except (InvalidURI, ConfigurationError, ValueError, TypeError) as error:
        # pymongo's text may quote a part of the address, and with it of the password.
        raise ConfigError(
            f"setting 'mongodb_connection_string' is no connection string ({type(error).__name__});"
            " write it like mongodb://user:password@host:27017/?replicaSet=rs0, with every special "
            "character of the password percent-encoded"
        ) from None


def database(client: MongoClient[dict[str, Any]], name: str) -> Database[RawBSONDocument]:
    """Return the database as it is read: raw, from the primary, what the majority has."""
    found = client.get_database(
        name,
        codec_options=RAW,
        read_preference=ReadPreference.PRIMARY,
        read_concern=ReadConcern("majority"),
    )
    # The stubs know of the client's kind of documents alone.
    return cast("Database[RawBSONDocument]", found)


@contextmanager
def errors_named(where: str) -> Iterator[None]:
    """Turn what pymongo raises into one line that says where it was and what to do."""
    try:
        yield
    except PyMongoError as error:
        raise named(error, where) from None


def named(error: PyMongoError, where: str) -> ConnectorError:
    """Return the error as one of ours."""
    if isinstance(error, OperationFailure):
        advice = _REFUSED.get(error.code or 0)
        said = (error.details or {}).get("errmsg") or str(error)
        if advice:
            return SourceUnreachableError(f"{where}: the user {advice} ({said})")
        return SourceUnreachableError(
            f"{where}: refused by the server ({error.code}: {said}); see its log"
        )
    said = str(error).partition(", Topology Description")[0].partition(" (configured timeouts")[0]
    return SourceUnreachableError(
        f"{where}: {said}; check that the server is up and that this host may reach it"
    )


def _documentdb(settings: Settings, options: dict[str, Any]) -> str:
    secret = _json(settings.documentdb_credential_json_string, "documentdb_credential_json_string")
    extra = settings.documentdb_credential_json_extra_options
    if extra:
        options |= _json(extra, "documentdb_credential_json_extra_options")
    try:
        options |= {"username": secret["username"], "password": secret["password"]}
        return f"mongodb://{secret['host']}:{secret['port']}/"
    except KeyError as error:
        raise ConfigError(
            f"setting 'documentdb_credential_json_string': {error} is not there; give a JSON "
            "object with username, password, host and port"
        ) from None


def _json(text: str | None, name: str) -> dict[str, Any]:
    try:
        found = json.loads(text or "")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ConfigError(f"setting {name!r} is no JSON object; give one as text")
    return found


def _password(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"setting 'mongodb_password_file': {path!r} cannot be read "
            f"({type(error).__name__}); give a file that holds the password alone"
        ) from None


def _username(uri: str) -> str:
    try:
        user = parse_uri(uri, validate=False, warn=False)["username"]
    except (InvalidURI, ConfigurationError, ValueError):
        user = None
    if not user:
        raise ConfigError(
            "setting 'mongodb_password_file': the connection string names no user; write it like "
            "mongodb://user@host/"
        )
    return str(user)
