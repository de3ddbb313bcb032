"""Which table each stream goes into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target_postgres import deletes, loads, rejects
from target_postgres.errors import TableRefusedError
from target_postgres.identifiers import IdentifierCase, ascii_if_alike, check_given, identifier

if TYPE_CHECKING:
    from collections.abc import Mapping

_OWN = {loads.NAME, deletes.NAME}


@dataclass(frozen=True, slots=True)
class Place:
    """A table by its schema and name."""

    schema: str
    table: str

    @property
    def title(self) -> str:
        """The name for people."""
        return f"{self.schema}.{self.table}"


class Placement:
    """Finds a stream's table from the settings alone, whatever streams came before it."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.case = IdentifierCase(config["identifier_case"])
        self._default: str = config["default_target_schema"]
        self._mapping: Mapping[str, Any] = config.get("schema_mapping") or {}
        self._overrides: Mapping[str, Any] = config.get("table_overrides") or {}
        self._taken: dict[Place, str] = {}

    def of(self, stream: str) -> Place:
        """Return where a stream goes; its quarantine goes beside it, under the same name.

        Raises :class:`TableRefusedError` when the name cannot be used.
        """
        source, is_rejects = stream, False
        if stream.endswith(rejects.SUFFIX) and stream not in self._overrides:
            source, is_rejects = stream.removesuffix(rejects.SUFFIX), True
        override = self.override(source)
        schema, name = self._default, source
        before, dash, rest = source.partition("-")
        if dash and before in self._mapping:
            schema, name = self._mapping[before]["target_schema"], rest
        schema = override.get("schema", schema)
        check_given(schema)
        suffix = rejects.SUFFIX if is_rejects else ""
        if given := override.get("table"):
            check_given(given)
            table = identifier(given, suffix=suffix)
        else:
            table = identifier(name, self.case, suffix=suffix)
        if table in _OWN:
            raise TableRefusedError(
                f"stream {stream!r} would be table {schema}.{table}, which this target keeps for "
                "itself; give it another name with table_overrides"
            )
        return Place(schema, table)

    def override(self, stream: str) -> Mapping[str, Any]:
        """Return what the settings say of one stream's table."""
        found: Mapping[str, Any] = self._overrides.get(stream, {})
        return found

    def claim(self, stream: str) -> str | None:
        """Take a stream's table for it; returns the other stream that has it, if one has."""
        holder = self._taken.setdefault(self.of(stream), stream)
        return holder if holder != stream else None

    def clash(self, stream: str, other: str) -> TableRefusedError:
        """Return the error for two streams that have one table."""
        one, two = sorted((stream, other))
        return TableRefusedError(
            f"streams {ascii_if_alike(one, two)} and {ascii_if_alike(two, one)} would both be "
            f"table {self.of(stream).title}; give one of them another with table_overrides"
        )
