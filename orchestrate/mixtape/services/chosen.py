"""The services that a person names, or that run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mixtape import services
from mixtape.environment import read_env_file
from mixtape.paths import run_root
from mixtape.services.base import Service, ServiceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mixtape.services import Part


def chosen(names: Sequence[str]) -> list[Part]:
    """Return the parts of these names; without any, those that belong to all.

    Raises:
        ServiceError: there is no part of a name.
    """
    read_env_file()
    every = services.parts(run_root())
    if unknown := sorted(set(names) - set(every)):
        raise ServiceError(f"no part {', '.join(unknown)}; there are: {', '.join(every)}")
    return [every[name] for name in names or [one for one in every if every[one].wanted]]


def running() -> list[Part]:
    """Return the parts that run."""
    return [part for part in chosen(()) if is_up(part)]


def is_up(part: Part) -> bool:
    """Tell whether a part runs, or answers where its address was given."""
    return part.running if isinstance(part, Service) else part.ready()
