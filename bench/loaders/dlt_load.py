"""Merge JSON lines into PostgreSQL with dlt; runs in dlt's own environment.

Arguments: the schema, then for each stream `name=key=path`. Objects and arrays stay JSON, as in
the other loaders' tables, instead of becoming child tables.
"""

import sys
from collections.abc import Iterator
from itertools import islice

import dlt
from dlt.common import json

PAGE = 10_000


def main() -> None:
    """Load every stream."""
    schema, *feeds = sys.argv[1:]

    @dlt.source(max_table_nesting=0)  # type: ignore[untyped-decorator]  # not in our environment
    def records() -> Iterator[object]:
        for feed in feeds:
            name, key, path = feed.split("=", 2)
            yield dlt.resource(pages(path), name=name, primary_key=key, write_disposition="merge")

    pipeline = dlt.pipeline(schema, destination="postgres", dataset_name=schema)
    pipeline.run(records()).raise_on_failed_jobs()


def pages(path: str) -> Iterator[list[object]]:
    """Yield the records of a file, a page at a time."""
    with open(path, "rb") as lines:  # noqa: PTH123 - nothing but the work
        while page := [json.loadb(line) for line in islice(lines, PAGE)]:
            yield page


if __name__ == "__main__":
    main()
