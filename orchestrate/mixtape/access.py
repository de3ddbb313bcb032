"""Who may do what in the warehouse: `transform/access/roles.sql`, run on its database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from mixtape.paths import project_root
from mixtape.services import ServiceError

if TYPE_CHECKING:
    from psycopg.errors import Diagnostic


def grant_access(uri: str) -> list[str]:
    """Run the script at ``uri`` in one transaction; return what the server warns of.

    It can be run again at any time and touches no password.

    Raises:
        ServiceError: the server does not answer, or the role of ``uri`` may not do it.
    """
    warnings: list[str] = []

    def note(message: Diagnostic) -> None:
        if message.severity_nonlocalized == "WARNING":
            warnings.append(str(message.message_primary))

    script = project_root() / "transform" / "access" / "roles.sql"
    try:
        with psycopg.connect(uri) as database:
            database.add_notice_handler(note)
            database.execute(script.read_bytes())
    except psycopg.errors.InsufficientPrivilege as error:
        raise ServiceError(
            f"POSTGRES_URI: {str(error).splitlines()[0]}: give a role with CREATEROLE and CREATE "
            "on the database"
        ) from error
    except psycopg.OperationalError as error:
        raise ServiceError(f"POSTGRES_URI: {str(error).splitlines()[0]}") from error
    return warnings
