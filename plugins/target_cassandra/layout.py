"""Tables by query: which stream feeds them, and where each column's values come from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from cassandra.metadata import protect_name

from target_cassandra.errors import TableConfigError
from target_cassandra.values import Kind, Shape, nameable, shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LSN = "_sdc_lsn"
DELETED_AT = "_sdc_deleted_at"
TABLE_VERSION = "_sdc_table_version"
EXTRACTED_AT = "_sdc_extracted_at"
REJECTED = "__rejected"
REJECTED_KEY = ("source_key", "error_path", "error_code")

POSITIONS = "__positions"
LOCKS = "sdc_locks"

Unit = Literal["day", "month"]
Origin = Literal["record", "element", "message"]

_MESSAGE: dict[str, dict[str, Any]] = {
    TABLE_VERSION: {"type": "integer"},
    EXTRACTED_AT: {"type": "string", "format": "date-time"},
}
"""Columns whose values come from the message around the record."""

_DERIVED: dict[Unit, dict[str, Any]] = {
    "day": {"type": "string", "format": "date"},
    "month": {"type": "string"},
}


@dataclass(frozen=True, slots=True)
class Derived:
    """A column made from a date or a time."""

    source: str
    unit: Unit


@dataclass(frozen=True, slots=True)
class TableSpec:
    """What the settings say of one table."""

    stream: str
    table: str
    partition_key: tuple[str, ...]
    clustering_key: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] | None = None
    explode: str | None = None
    derive: Mapping[str, Derived] = field(default_factory=dict)
    when_null: Mapping[str, Any] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    ttl_seconds: int | None = None
    moves: bool | None = None
    delete: str = "row"

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> TableSpec:
        """Return one entry of the setting ``tables``."""
        derive = {}
        for name, how in (said.get("derive") or {}).items():
            if not isinstance(how, dict) or how.get("unit") not in _DERIVED or not how.get("from"):
                raise TableConfigError(
                    f"setting 'tables': table {said['table']!r} derives {name!r} from nothing; "
                    "write {from: <property>, unit: day or month}"
                )
            derive[name] = Derived(how["from"], how["unit"])
        clustering = said.get("clustering_key") or []
        columns = said.get("columns")
        return cls(
            stream=said["stream"],
            table=said["table"],
            partition_key=tuple(said["partition_key"]),
            clustering_key=tuple((one["name"], one.get("order") or "asc") for one in clustering),
            columns=None if columns is None else tuple(columns),
            explode=said.get("explode"),
            derive=derive,
            when_null=said.get("when_null") or {},
            types=said.get("types") or {},
            ttl_seconds=said.get("ttl_seconds"),
            moves=said.get("moves"),
            delete=said.get("delete") or "row",
        )

    @classmethod
    def all_of(cls, said: Sequence[Mapping[str, Any]]) -> tuple[TableSpec, ...]:
        """Return the setting ``tables``.

        Raises:
            TableConfigError: a table is named twice: each has one feeding stream.
        """
        found = tuple(cls.of(one) for one in said)
        counts = Counter(one.table for one in found)
        if twice := [name for name, count in counts.items() if count > 1]:
            raise TableConfigError(
                f"setting 'tables': {twice[0]!r} is there twice; a table has one feeding stream"
            )
        return found


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type as its stream would have it, and where its values come from."""

    name: str
    shape: Shape
    cql: str
    origin: Origin
    source: str
    unit: Unit | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """A table as its settings and its stream's schema would have it; key columns come first."""

    spec: TableSpec
    columns: tuple[Column, ...]
    moves: bool

    @property
    def key(self) -> tuple[str, ...]:
        """The primary key's columns, in order."""
        return (*self.spec.partition_key, *(name for name, _ in self.spec.clustering_key))

    def type_statements(self) -> list[str]:
        """Return the statements that make the user-defined types of this table."""
        return [
            f"CREATE TYPE IF NOT EXISTS {{}}.{protect_name(name)} ({_fields(one)})"
            for column in self.columns
            if (name := self.spec.types.get(column.source))
            and (one := _object(column.shape)) is not None
        ]

    def statement(self) -> str:
        """Return the statement that makes the table; ``{}`` stands for the keyspace."""
        return definition(
            self.spec.table,
            {column.name: column.cql for column in self.columns},
            self.spec.partition_key,
            self.spec.clustering_key,
        )


def layout(spec: TableSpec, schema: Mapping[str, Any], keys: Sequence[str]) -> Layout:
    """Return the table that ``spec`` and a stream's schema and key describe.

    Raises:
        TableConfigError: a column of the settings is no property of the stream.
    """
    record = {name: shape(one) for name, one in schema["properties"].items()}
    element: dict[str, Shape] = {}
    if spec.explode is not None:
        array = record.get(spec.explode)
        if array is None or array.items is None or array.items.kind is not Kind.OBJECT:
            raise TableConfigError(
                f"setting 'tables': table {spec.table!r} explodes {spec.explode!r}, which is no "
                f"array of objects in stream {spec.stream!r}"
            )
        element = dict(array.items.fields)
    key = [*spec.partition_key, *(name for name, _ in spec.clustering_key)]
    others = spec.columns
    if others is None:
        others = (*(name for name in record if name != spec.explode), *element)
        others = (*others, *(one for one in (*_MESSAGE, DELETED_AT) if one not in others))
    names = dict.fromkeys([*key, *others])
    columns = tuple(_column(spec, name, record, element) for name in names)
    # Where a record was read is no part of what it is about.
    known = {name for name in keys if not name.startswith("_sdc_")}
    moves = not set(key) <= known or spec.explode is not None
    moves = moves if spec.moves is None else spec.moves
    if moves and not known:
        raise TableConfigError(
            f"setting 'tables': rows of table {spec.table!r} can only be found again by the key "
            f"of stream {spec.stream!r}, which has none; set moves: false if they never change"
        )
    return Layout(spec, columns, moves)


def definition(
    table: str,
    columns: Mapping[str, str],
    partition_key: Sequence[str],
    clustering_key: Sequence[tuple[str, str]],
) -> str:
    """Return a table's CREATE TABLE statement in one line; ``{}`` stands for the keyspace."""
    said = [f"{protect_name(name)} {cql}" for name, cql in columns.items()]
    partition = ", ".join(map(protect_name, partition_key))
    clustering = "".join(f", {protect_name(name)}" for name, _ in clustering_key)
    order = ", ".join(f"{protect_name(name)} {way.upper()}" for name, way in clustering_key)
    return (
        f"CREATE TABLE IF NOT EXISTS {{}}.{protect_name(table)} ("
        f"{', '.join(said)}, PRIMARY KEY (({partition}){clustering}))"
        + (f" WITH CLUSTERING ORDER BY ({order})" if order else "")
    )


def rejected(stream: str) -> TableSpec:
    """Return the table of a stream's rejected records."""
    return TableSpec(
        stream=stream + REJECTED,
        table=stream + REJECTED,
        partition_key=REJECTED_KEY[:1],
        clustering_key=tuple((name, "asc") for name in REJECTED_KEY[1:]),
        columns=("_sdc_rejected_at", "error_message", "payload"),
        moves=False,
    )


def _column(
    spec: TableSpec, name: str, record: Mapping[str, Shape], element: Mapping[str, Shape]
) -> Column:
    source, unit = name, None
    if (derived := spec.derive.get(name)) is not None:
        source, unit = derived.source, derived.unit
    if not nameable(source):
        raise TableConfigError(
            f"setting 'tables': table {spec.table!r} cannot have property {source!r} of stream "
            f"{spec.stream!r}, for the quotes, backslashes or control characters in its name; "
            "rename it in the tap, or list the others in 'columns'"
        )
    origin: Origin
    if source in element:
        origin, found = "element", element[source]
    elif source in record:
        origin, found = "record", record[source]
    elif source in _MESSAGE:
        origin, found = "message", shape(_MESSAGE[source])
    elif source == DELETED_AT:
        # A record may carry it without declaring it.
        origin, found = "record", shape({"type": "string", "format": "date-time"})
    else:
        raise TableConfigError(
            f"setting 'tables': {source!r}, in table {spec.table!r}, is no property of stream "
            f"{spec.stream!r}; it has {', '.join([*record, *element])}"
        )
    if unit is None:
        return Column(name, found, found.cql(spec.types.get(source)), origin, source)
    if found.kind not in (Kind.DATE, Kind.TIME):
        raise TableConfigError(
            f"setting 'tables': table {spec.table!r} derives {name!r} from {source!r}, which is "
            "neither a date nor a time"
        )
    made = shape(_DERIVED[unit])
    return Column(name, made, made.cql(None), origin, source, unit)


def _object(one: Shape) -> Shape | None:
    if one.kind is Kind.ARRAY and one.items is not None:
        return _object(one.items)
    return one if one.kind is Kind.OBJECT else None


def _fields(one: Shape) -> str:
    return ", ".join(f"{protect_name(name)} {inner.cql(None)}" for name, inner in one.fields)
