"""What Cassandra serves after a load: the answer to one of the application's questions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from mixtape.environment import run_environment
from mixtape.services.cassandra import KEYSPACE, connected

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mixtape.services import Part


def lyrics_of_an_artist(parts: Iterable[Part]) -> list[tuple[str, str, str]]:
    """Return an artist's newest lyrics as (released, title, album), read as the loader."""
    given = run_environment(parts)
    with connected(
        json.loads(given["TARGET_CASSANDRA_CONTACT_POINTS"]),
        int(given["TARGET_CASSANDRA_PORT"]),
        given["TARGET_CASSANDRA_USERNAME"],
        given["TARGET_CASSANDRA_PASSWORD"],
    ) as session:
        session.set_keyspace(KEYSPACE)
        credit = session.execute("SELECT artist_id FROM lyrics_by_artist LIMIT 1").one()
        if credit is None:
            return []
        rows = session.execute(
            "SELECT released_date, title, album FROM lyrics_by_artist WHERE artist_id = %s LIMIT 3",
            (credit.artist_id,),
        )
        return [(str(row.released_date), row.title, row.album or "") for row in rows]


def show(rows: Iterable[tuple[str, str, str]]) -> None:
    """Print them as part of the screen that a load ends with."""
    console = Console(highlight=False)
    console.print(
        f"\n[bold]An artist's newest lyrics, from Cassandra ({KEYSPACE}.lyrics_by_artist)[/]"
    )
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("released", "title", "album"):
        table.add_column(title, overflow="ellipsis")
    for row in rows:
        table.add_row(*row)
    console.print(table)
