"""Tables as they are, compared with how the settings would have them; made only when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cassandra.metadata import protect_name

from target_cassandra import values
from target_cassandra.errors import TableConfigError, TableRefusedError
from target_cassandra.layout import LOCKS, POSITIONS, definition
from target_cassandra.settings import OnSchemaChange

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_cassandra.cluster import Connection
    from target_cassandra.layout import Layout
    from target_cassandra.values import UserTypes

_LONGEST_NAME = 48

POSITIONS_COLUMNS = {
    "entity": "blob",
    "lsn": "bigint",
    "positions": "frozen<list<blob>>",
}
LOCKS_COLUMNS = {"name": "text", "owner": "text"}


def prepare_keyspace(connection: Connection) -> None:
    """Look for the keyspace, and make it if that is asked for.

    Raises:
        TableRefusedError: it is not there, or cannot be made.
    """
    if connection.keyspace is not None:
        return
    settings = connection.settings
    replication = ", ".join(f"'{name}': {_literal(v)}" for name, v in settings.replication.items())
    statement = (
        f"CREATE KEYSPACE IF NOT EXISTS {protect_name(settings.keyspace)} "
        f"WITH replication = {{{replication}}}"
    )
    if not settings.create_keyspace:
        raise TableRefusedError(
            f"there is no keyspace {settings.keyspace!r}, or this role may not see it; have it "
            f"made, or set create_keyspace: {statement}"
        )
    connection.change(statement)


def prepare(connection: Connection, layout: Layout) -> dict[str, str]:
    """Make a table ready for its rows; returns the types of its columns as they are.

    Raises:
        TableConfigError: the table cannot have this name.
        TableRefusedError: the table is not there or differs, with both definitions.
    """
    name = layout.spec.table
    if len(name) > _LONGEST_NAME or not name.replace("_", "a").isalnum() or not name.isascii():
        raise TableConfigError(
            f"{name!r} can be no table: Cassandra takes letters, digits and _, at most "
            f"{_LONGEST_NAME}; give stream {layout.spec.stream!r} a table in the setting 'tables'"
        )
    _make(connection, name, layout.statement(), layout.type_statements())
    if layout.moves:
        for helper, columns, key in (
            (name + POSITIONS, POSITIONS_COLUMNS, ("entity",)),
            (LOCKS, LOCKS_COLUMNS, ("name",)),
        ):
            _make(connection, helper, definition(helper, columns, key, ()), [])
    table = connection.keyspace.tables[name]
    partition = [column.name for column in table.partition_key]
    clustering = [
        (column.name, "desc" if column.is_reversed else "asc") for column in table.clustering_key
    ]
    spec = layout.spec
    if (partition, clustering) != (list(spec.partition_key), list(spec.clustering_key)):
        raise _refused(connection, layout, "has another key")
    _add_columns(connection, layout)
    table = connection.keyspace.tables[name]
    types = {column.name: str(table.columns[column.name].cql_type) for column in layout.columns}
    known = user_types(connection)
    for column in layout.columns:
        if values.encoder(column.shape, types[column.name], known) is None:
            raise _refused(connection, layout, f"cannot take the values of {column.name!r}")
    return types


def user_types(connection: Connection) -> UserTypes:
    """Return the fields and types of each user-defined type of the keyspace."""
    return {
        name: list(zip(one.field_names, one.field_types, strict=True))
        for name, one in connection.keyspace.user_types.items()
    }


def existing_definition(connection: Connection, name: str) -> str | None:
    """Return the CREATE TABLE statement of a table as it is, None if it is not there."""
    table = connection.keyspace.tables.get(name)
    if table is None:
        return None
    return definition(
        name,
        {column.name: str(column.cql_type) for column in table.columns.values()},
        [column.name for column in table.partition_key],
        [(one.name, "desc" if one.is_reversed else "asc") for one in table.clustering_key],
    ).replace("{}", protect_name(connection.settings.keyspace))


def _make(connection: Connection, name: str, statement: str, types: Sequence[str]) -> None:
    if name in connection.keyspace.tables:
        return
    keyspace = protect_name(connection.settings.keyspace)
    wanted = [one.replace("{}", keyspace) for one in (*types, statement)]
    if not connection.settings.create_tables:
        raise TableRefusedError(
            f"there is no table {name!r} in keyspace {connection.settings.keyspace!r}; have it "
            f"made, or set create_tables: {'; '.join(wanted)}"
        )
    for one in wanted:
        connection.change(one)


def _add_columns(connection: Connection, layout: Layout) -> None:
    table = connection.keyspace.tables[layout.spec.table]
    missing = [column for column in layout.columns if column.name not in table.columns]
    if not missing:
        return
    if connection.settings.on_schema_change is OnSchemaChange.FAIL:
        names = ", ".join(repr(column.name) for column in missing)
        raise _refused(connection, layout, f"has no column {names}")
    added = ", ".join(f"{protect_name(column.name)} {column.cql}" for column in missing)
    keyspace = protect_name(connection.settings.keyspace)
    connection.change(f"ALTER TABLE {keyspace}.{protect_name(layout.spec.table)} ADD ({added})")


def _refused(connection: Connection, layout: Layout, why: str) -> TableRefusedError:
    there = existing_definition(connection, layout.spec.table)
    wanted = layout.statement().replace("{}", protect_name(connection.settings.keyspace))
    return TableRefusedError(
        f"table {layout.spec.table!r} {why}. There is: {there}. The settings say: {wanted}. "
        "Change one of them; nothing was altered"
    )


def _literal(value: Any) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def statements(layouts: Mapping[str, Layout]) -> list[str]:
    """Return every statement that these tables need, each once; ``{}`` is the keyspace."""
    found: dict[str, None] = {}
    for name, layout in layouts.items():
        found.update(dict.fromkeys([*layout.type_statements(), layout.statement()]))
        if layout.moves:
            found[definition(name + POSITIONS, POSITIONS_COLUMNS, ("entity",), ())] = None
            found[definition(LOCKS, LOCKS_COLUMNS, ("name",), ())] = None
    return list(found)
