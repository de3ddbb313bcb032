"""``--test``: where a load would go, and what stands in its way."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from cassandra.metadata import protect_name

from target_cassandra import tables
from target_cassandra.cluster import TROUBLE, first_line
from target_cassandra.errors import TableRefusedError

if TYPE_CHECKING:
    from target_cassandra.cluster import Connection


def show(connection: Connection) -> None:
    """Print what is there as one JSON object on standard output.

    Raises:
        TableRefusedError: the keyspace or a table of the settings is not there or has another
            key; it was printed before.
    """
    try:
        found = describe(connection)
    finally:
        connection.close()
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    if found["differences"]:
        raise TableRefusedError("; ".join(found["differences"]))


def describe(connection: Connection) -> dict[str, Any]:
    """Return cluster, version, data centres, agreement, rights and differences."""
    session = connection.session
    name, version, data_center = session.execute(
        "SELECT cluster_name, release_version, data_center FROM system.local"
    ).one()
    hosts = list(connection.metadata.all_hosts())
    versions = {row[0] for row in session.execute("SELECT schema_version FROM system.peers")}
    versions |= {row[0] for row in session.execute("SELECT schema_version FROM system.local")}
    return {
        "cluster": name,
        "version": version,
        "data_center": data_center,
        "nodes": dict(sorted(Counter(str(host.datacenter) for host in hosts).items())),
        "nodes_down": sorted(str(host.address) for host in hosts if host.is_up is False),
        "schema_agreement": len(versions) == 1,
        "permissions": _permissions(connection),
        "differences": _differences(connection),
    }


def _permissions(connection: Connection) -> list[str]:
    """Return what the role may do, as `LIST ALL PERMISSIONS` says it."""
    try:
        rows = connection.session.execute("LIST ALL PERMISSIONS")
        names = rows.column_names
        at = names.index("resource"), names.index("permission")
        return sorted({f"{row[at[1]]} on {row[at[0]]}" for row in rows})
    except TROUBLE as error:
        return [f"not to be seen: {first_line(error)}"]


def _differences(connection: Connection) -> list[str]:
    settings = connection.settings
    if connection.keyspace is None:
        return [f"there is no keyspace {settings.keyspace!r}, or this role may not see it"]
    found = []
    for spec in settings.tables or ():
        there = tables.existing_definition(connection, spec.table)
        table = connection.keyspace.tables.get(spec.table)
        if table is None:
            found.append(f"there is no table {spec.table!r}")
            continue
        partition = tuple(column.name for column in table.partition_key)
        clustering = tuple(
            (one.name, "desc" if one.is_reversed else "asc") for one in table.clustering_key
        )
        if (partition, clustering) != (spec.partition_key, spec.clustering_key):
            wanted = ", ".join(f"{name} {way}" for name, way in spec.clustering_key)
            found.append(
                f"table {spec.table!r} has another key than ({', '.join(spec.partition_key)}) "
                f"clustered by ({wanted}): {there}"
            )
        missing = [name for name in spec.columns or () if name not in table.columns]
        if missing:
            names = ", ".join(map(protect_name, missing))
            found.append(f"table {spec.table!r} has no column {names}: {there}")
    return found
