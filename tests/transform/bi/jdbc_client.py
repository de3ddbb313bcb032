"""A JDBC client in a process of its own: prints what the driver's metadata says, and its answers.

    python jdbc_client.py LIBJVM JAR URL USER PASSWORD FILE…

Prints a JSON object: `tables`, `columns`, `primary_keys`, `imported_keys`, `answers` (by file:
columns and number of rows).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jpype

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = "marts"


def main() -> None:
    """Connect, look around, ask, print."""
    library, jar, url, user, password, *files = sys.argv[1:]
    jpype.startJVM(library, "-Xmx128m", classpath=[jar])
    connection = jpype.JClass("java.sql.DriverManager").getConnection(url, user, password)
    metadata = connection.getMetaData()
    kinds = jpype.JArray(jpype.JString)(["TABLE", "VIEW"])
    tables = {
        row["TABLE_NAME"]: row["REMARKS"]
        for row in rows(metadata.getTables(None, SCHEMA, "%", kinds), "TABLE_NAME", "REMARKS")
    }
    found = {
        "driver": str(metadata.getDriverVersion()),
        "tables": tables,
        "columns": [
            [*row.values()]
            for row in rows(
                metadata.getColumns(None, SCHEMA, "%", "%"), "TABLE_NAME", "COLUMN_NAME", "REMARKS"
            )
        ],
        "primary_keys": {
            table: [
                row["COLUMN_NAME"]
                for row in rows(metadata.getPrimaryKeys(None, SCHEMA, table), "COLUMN_NAME")
            ]
            for table in tables
        },
        "imported_keys": {
            table: [
                [*row.values()]
                for row in rows(
                    metadata.getImportedKeys(None, SCHEMA, table),
                    "FKCOLUMN_NAME",
                    "PKTABLE_NAME",
                    "PKCOLUMN_NAME",
                )
            ]
            for table in tables
        },
        "answers": {file: answer(connection, Path(file).read_text()) for file in files},
    }
    connection.close()
    sys.stdout.write(json.dumps(found))


def rows(result: Any, *columns: str) -> Iterator[dict[str, str | None]]:
    """Yield the rows of a result set; of each, these columns as text."""
    while result.next():
        values = {column: result.getString(column) for column in columns}
        yield {name: None if value is None else str(value) for name, value in values.items()}


def answer(connection: Any, query: str) -> dict[str, Any]:
    """Return the columns of a query's answer, and how many rows it has."""
    result = connection.createStatement().executeQuery(query)
    about = result.getMetaData()
    number = 0
    while result.next():
        number += 1
    columns = [str(about.getColumnLabel(place + 1)) for place in range(about.getColumnCount())]
    return {"columns": columns, "rows": number}


if __name__ == "__main__":
    main()
