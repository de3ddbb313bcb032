"""The address of the warehouse, from dbt's profile: it is said there and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jinja2
import yaml
from psycopg import conninfo

from mixtape.paths import project_root


def target() -> str:
    """Return the profile's target: `DBT_TARGET`, else the profile's default."""
    given: str = os.environ.get("DBT_TARGET") or _profile()["target"]
    return given


def address() -> str:
    """Return libpq's connection string for the target; it holds the password.

    Raises:
        KeyError: the profile has no such target.
    """
    output = _profile()["outputs"][target()]
    return conninfo.make_conninfo(
        host=_rendered(output["host"]),
        port=_rendered(output["port"]),
        user=_rendered(output["user"]),
        password=_rendered(output["password"]),
        dbname=_rendered(output["dbname"]),
        sslmode=_rendered(output["sslmode"]),
        connect_timeout=output["connect_timeout"],
        application_name="mixtape build",
    )


def project() -> Path:
    """Return the folder of the dbt project."""
    return Path(os.environ.get("DBT_PROJECT_DIR") or project_root() / "transform")


def _profile() -> dict[str, Any]:
    folder = Path(os.environ.get("DBT_PROFILES_DIR") or project())
    found = yaml.safe_load((folder / "profiles.yml").read_text(encoding="utf-8"))
    profile: dict[str, Any] = found["mixtape"]
    return profile


def _rendered(value: str) -> str:
    """Fill in what dbt would: the profile uses `env_var` and `as_number` alone."""
    environment = jinja2.Environment(autoescape=False, undefined=jinja2.StrictUndefined)  # noqa: S701 - no page
    environment.globals["env_var"] = os.environ.get
    environment.filters["as_number"] = int
    return environment.from_string(value).render()
