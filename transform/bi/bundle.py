"""The dashboards as what `superset import-dashboards` reads: one archive of YAML files.

    BI_READER_URI=… python transform/bi/bundle.py bundle.zip

Queries are `queries/`, charts `dashboards.yml`, titles those of the exposures in dbt; only what
Superset wants besides is here. Ids are derived from names, so that importing again replaces. The
archive holds the address in BI_READER_URI, password included.
"""

from __future__ import annotations

import os
import sys
import uuid
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

_HERE = Path(__file__).parent
_EXPOSURES = _HERE.parent / "models" / "marts" / "_marts__exposures.yml"
_NAMESPACE = uuid.UUID("6a4c8d52-3f0e-4a53-9d6b-0d6f7f9f2c11")
_VERSION = "1.0.0"
_DATABASE = "mixtape"
_KINDS = {"bar": "echarts_timeseries_bar", "line": "echarts_timeseries_line", "table": "table"}
_COLUMNS, _HEIGHT = 12, 50
_TIMES = {"date", "timestamp", "timestamptz"}

Document = dict[str, Any]


def main() -> None:
    """Write the archive to the path in the first argument."""
    uri = os.environ["BI_READER_URI"]
    with (
        psycopg.connect(uri) as database,
        zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, document in documents(uri, database):
            archive.writestr(f"mixtape/{name}.yaml", yaml.safe_dump(document, sort_keys=False))


def documents(uri: str, database: psycopg.Connection) -> Iterator[tuple[str, Document]]:
    """Yield the files of the archive: path without ending, content."""
    exposures = {each["name"]: each for each in yaml.safe_load(_EXPOSURES.read_text())["exposures"]}
    yield "metadata", {"version": _VERSION, "type": "Dashboard"}
    yield f"databases/{_DATABASE}", _database(uri)
    datasets: dict[str, list[str]] = {}
    for name, rows in yaml.safe_load((_HERE / "dashboards.yml").read_text()).items():
        for chart in (chart for row in rows for chart in row):
            query = f"{name}/{chart['query']}"
            if query not in datasets:
                dataset = _dataset(query, database)
                datasets[query] = [column["column_name"] for column in dataset["columns"]]
                yield f"datasets/{_DATABASE}/{query.replace('/', '_')}", dataset
            yield f"charts/{_file(name, chart)}", _chart(name, chart, datasets[query])
        yield f"dashboards/{name}", _dashboard(exposures[name], rows)


def _database(uri: str) -> Document:
    return {
        "database_name": _DATABASE,
        "sqlalchemy_uri": uri,
        "expose_in_sqllab": True,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "extra": {"allows_virtual_table_explore": True},
        "uuid": _id("database", _DATABASE),
        "version": _VERSION,
    }


def _dataset(query: str, database: psycopg.Connection) -> Document:
    text = (_HERE / "queries" / f"{query}.sql").read_text()
    answer = database.execute(text.encode())
    columns = [
        (column.name, _type(database, column.type_code)) for column in answer.description or ()
    ]
    times = [name for name, kind in columns if kind in _TIMES]
    return {
        "table_name": query.replace("/", ": "),
        "description": text.partition("\n")[0].removeprefix("-- "),
        "main_dttm_col": times[0] if times else None,
        "schema": "marts",
        "sql": text,
        "uuid": _id("dataset", query),
        "metrics": [],
        "columns": [
            {
                "column_name": name,
                "type": kind.upper(),
                "is_dttm": kind in _TIMES,
                "is_active": True,
                "groupby": True,
                "filterable": True,
            }
            for name, kind in columns
        ],
        "version": _VERSION,
        "database_uuid": _id("database", _DATABASE),
    }


def _type(database: psycopg.Connection, code: int) -> str:
    known = database.adapters.types.get(code)
    return known.name if known else "text"


def _chart(dashboard: str, chart: Document, columns: list[str]) -> Document:
    query = f"{dashboard}/{chart['query']}"
    params: Document = {"viz_type": _KINDS[chart["show"]], "adhoc_filters": [], "row_limit": 10000}
    if chart["show"] == "table":
        params |= {"query_mode": "raw", "all_columns": columns, "server_pagination": False}
    else:
        params |= {
            "x_axis": chart["over"],
            "time_grain_sqla": None,
            "x_axis_time_format": "%b %Y" if chart["over"].startswith("month") else "%d %b %Y",
            "markerEnabled": True,
            "metrics": [_sum(name) for name in chart["numbers"]],
            "groupby": [chart["by"]] if "by" in chart else [],
            "stack": "Stack" if chart["show"] == "bar" else None,
            "show_legend": "by" in chart or len(chart["numbers"]) > 1,
            "y_axis_format": "SMART_NUMBER",
        }
    return {
        "slice_name": chart["title"],
        "viz_type": _KINDS[chart["show"]],
        "params": params,
        "uuid": _id("chart", _file(dashboard, chart)),
        "version": _VERSION,
        "dataset_uuid": _id("dataset", query),
    }


def _sum(column: str) -> Document:
    return {
        "expressionType": "SIMPLE",
        "aggregate": "SUM",
        "column": {"column_name": column},
        "label": column.replace("_", " "),
        "optionName": f"metric_{column}",
        "hasCustomLabel": True,
    }


def _dashboard(exposure: Document, rows: list[list[Document]]) -> Document:
    name = exposure["name"]
    position: Document = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": [], "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": exposure["label"]}},
    }
    for number, row in enumerate(rows):
        row_id = f"ROW-{number}"
        position["GRID_ID"]["children"].append(row_id)
        charts = [f"CHART-{number}-{place}" for place in range(len(row))]
        position[row_id] = {
            "type": "ROW",
            "id": row_id,
            "children": charts,
            "parents": ["ROOT_ID", "GRID_ID"],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for chart_id, chart in zip(charts, row, strict=True):
            position[chart_id] = {
                "type": "CHART",
                "id": chart_id,
                "children": [],
                "parents": ["ROOT_ID", "GRID_ID", row_id],
                "meta": {
                    "chartId": 0,
                    "uuid": _id("chart", _file(name, chart)),
                    "sliceName": chart["title"],
                    "width": _COLUMNS // len(row),
                    "height": _HEIGHT,
                },
            }
    return {
        "dashboard_title": exposure["label"],
        "description": exposure["description"].strip(),
        "slug": name.replace("_", "-"),
        "uuid": _id("dashboard", name),
        "position": position,
        "metadata": {},
        "published": True,
        "version": _VERSION,
    }


def _file(dashboard: str, chart: Document) -> str:
    return f"{dashboard}_{chart['title']}".lower().replace(" ", "_").replace(",", "")


def _id(kind: str, name: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{kind} {name}"))


if __name__ == "__main__":
    main()
