"""Names of streams and properties as identifiers of PostgreSQL.

The same name always gives the same identifier, whatever came before it: there are no running
numbers. Where two names give one identifier they clash, and whoever finds it refuses both.
"""

from __future__ import annotations

import hashlib
import string
import unicodedata
from enum import StrEnum
from typing import TYPE_CHECKING

from target_postgres.errors import TableRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 63
"""Bytes of an identifier that PostgreSQL keeps; it cuts off the rest without a word."""

_HASH_DIGITS = 8
_FOLD = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_SYSTEM_COLUMNS = {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}


class IdentifierCase(StrEnum):
    """What becomes of capital letters."""

    PRESERVE = "preserve"
    LOWER = "lower"


def identifier(
    name: str, case: IdentifierCase = IdentifierCase.PRESERVE, *, suffix: str = ""
) -> str:
    """Return the identifier for ``name``, with ``suffix`` whole at its end.

    Letters are composed (NFC), so that a name is found however it is typed. ``LOWER`` folds
    A to Z alone, as PostgreSQL folds what stands without quotes. What is longer than 63 bytes
    is cut between two characters and ends in eight digits of its hash.

    Raises :class:`TableRefusedError` for the two names that PostgreSQL cannot have at all.
    """
    if not name or "\x00" in name:
        raise TableRefusedError(
            f"{name!r} cannot be a name in PostgreSQL: it must be neither empty nor hold U+0000; "
            "rename the stream or property in the tap"
        )
    whole = unicodedata.normalize("NFC", name)
    if case is IdentifierCase.LOWER:
        whole = whole.translate(_FOLD)
    room = LONGEST - len(suffix.encode())
    if len(whole.encode()) > room:
        digits = hashlib.sha256(whole.encode()).hexdigest()[:_HASH_DIGITS]
        kept = whole.encode()[: room - _HASH_DIGITS - 1].decode(errors="ignore")
        whole = f"{kept}_{digits}"
    return whole + suffix


def column_identifier(name: str, case: IdentifierCase = IdentifierCase.PRESERVE) -> str:
    """Return the identifier for a property; a system column's name gets a ``_`` at its end."""
    found = identifier(name, case)
    return f"{found}_" if found in _SYSTEM_COLUMNS else found


def check_given(name: str) -> None:
    """Raise :class:`TableRefusedError` unless a name from the settings can be used as it is."""
    if not name or "\x00" in name or len(name.encode()) > LONGEST:
        raise TableRefusedError(
            f"{name!r} cannot be a name in PostgreSQL: it must have 1 to {LONGEST} bytes; "
            "change the setting that gives it"
        )


def check_unique(pairs: Iterable[tuple[str, str]], table: str) -> None:
    """Raise :class:`TableRefusedError` when two properties have one column of ``table``.

    ``pairs`` are properties with their columns.
    """
    by_column: dict[str, list[str]] = {}
    for name, column in pairs:
        by_column.setdefault(column, []).append(name)
    for column, names in sorted(by_column.items()):
        if len(names) > 1:
            one, other = sorted(names)[:2]
            raise TableRefusedError(
                f"properties {ascii_if_alike(one, other)} and {ascii_if_alike(other, one)} would "
                f"both be column {column} of {table}; rename one of them in the tap"
                + (", or set identifier_case to preserve" if _differ_in_case(one, other) else "")
            )


def ascii_if_alike(name: str, other: str) -> str:
    """Return a name in quotes, with escapes where a reader could not tell it from ``other``."""
    alike = unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", other)
    return ascii(name) if alike else repr(name)


def _differ_in_case(one: str, other: str) -> bool:
    return one != other and one.translate(_FOLD) == other.translate(_FOLD)
