"""Is what a loader left in its tables equal to what it was given?

The input's own lines are the measure: they are read by PostgreSQL itself, into a table of the
types that each JSON Schema says, and compared column by column. A loader's column is cast to the
right type first, so that a date kept as text counts as right as long as it says the same day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from loaders.cases import Case, Stream

_EXPECTED = "expected"
_STRINGS = {"uuid": "uuid", "date": "date", "date-time": "timestamptz"}
_OTHERS = {"integer": "numeric", "number": "numeric", "boolean": "boolean"}


def expect(connection: psycopg.Connection, case: Case) -> None:
    """Put the records of ``case`` where :func:`differences` finds them."""
    connection.execute("create schema if not exists expected")
    for stream in case.streams:
        table = _expected(case, stream)
        connection.execute("create temporary table read (record jsonb)")
        with (
            case.lines[stream.name].open("rb") as lines,
            connection.cursor() as cursor,
            # A quote and a delimiter that no JSON text contains: each line is one value.
            cursor.copy(
                r"copy read from stdin (format csv, quote e'\x01', delimiter e'\x02')"
            ) as to,
        ):
            while piece := lines.read(1 << 20):
                to.write(piece)
        columns = sql.SQL(", ").join(
            sql.SQL("({})::{} as {}").format(
                sql.SQL(
                    "nullif(record -> {}, 'null')" if kind == "jsonb" else "record ->> {}"
                ).format(name),
                sql.SQL(kind),
                sql.Identifier(name),
            )
            for name, kind in _columns(stream)
        )
        connection.execute(sql.SQL("drop table if exists {}").format(table))
        connection.execute(sql.SQL("create table {} as select {} from read").format(table, columns))
        connection.execute("drop table read")


def differences(connection: psycopg.Connection, case: Case, schema: str) -> list[str]:
    """Return what is wrong in ``schema``'s tables, in a few words each; nothing if all is right."""
    found: dict[str, int] = {}
    for stream in case.streams:
        for what, number in _stream_differences(connection, case, stream, schema).items():
            found[what] = found.get(what, 0) + number
    return [f"{what}: {number:,}" for what, number in found.items()]


def _stream_differences(
    connection: psycopg.Connection, case: Case, stream: Stream, schema: str
) -> dict[str, int]:
    loaded = sql.Identifier(schema, stream.name)
    rows = connection.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped",
        [loaded.as_string(connection)],
    ).fetchall()
    types: dict[str, str] = dict(rows)
    if stream.key not in types:
        return {f"table {stream.name} is missing": 1}
    compared: list[tuple[str, sql.Composable]] = []
    for name, kind in _columns(stream):
        if name == stream.key:
            continue
        column = sql.Identifier(name)
        # A loader that makes a column when the first value comes has lost nothing by its absence.
        value: sql.Composable = sql.SQL("null::{}").format(sql.SQL(kind))
        if name in types:
            value = sql.SQL(_read_as(kind, types[name])).format(sql.SQL("loaded.{}").format(column))
        differs = sql.SQL("{} is distinct from expected.{}").format(value, column)
        compared.append((name, differs))
    query = sql.SQL(
        "select count(*) filter (where loaded.{key} is null),"
        " count(*) filter (where expected.{key} is null) {columns}"
        " from {expected} as expected full join {loaded} as loaded"
        " on loaded.{key}::text = expected.{key}::text"
    ).format(
        key=sql.Identifier(stream.key),
        columns=sql.SQL("").join(
            sql.SQL(", count(*) filter (where expected.{key} is not null and {same})").format(
                key=sql.Identifier(stream.key), same=same
            )
            for _, same in compared
        ),
        expected=_expected(case, stream),
        loaded=loaded,
    )
    try:
        answer: tuple[Any, ...] = connection.execute(query).fetchone() or ()
    except psycopg.DataError as error:
        return {f"unreadable ({error.diag.message_primary})": 1}
    titles = ["rows missing", "rows too many", *(f"{name} differs" for name, _ in compared)]
    return {title: number for title, number in zip(titles, answer, strict=True) if number}


def _columns(stream: Stream) -> list[tuple[str, str]]:
    return [(name, _kind(schema)) for name, schema in stream.schema["properties"].items()]


def _kind(schema: dict[str, Any]) -> str:
    """Return the PostgreSQL type whose values say the same as the property's."""
    types = {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"])
    plain = (types - {"null"}).pop()
    if plain == "string":
        return _STRINGS.get(schema.get("format", ""), "text")
    return _OTHERS.get(plain, "jsonb")


def _read_as(kind: str, stored: str) -> str:
    """Return how a loader's column of type ``stored`` is read as ``kind``."""
    if kind == "jsonb":
        return "to_jsonb({})" if stored.endswith("[]") else "{}::text::jsonb"
    return "{}::text::uuid" if kind == "uuid" else f"{{}}::{kind}"


def _expected(case: Case, stream: Stream) -> sql.Identifier:
    return sql.Identifier(_EXPECTED, f"{case.name}_{stream.name}")
