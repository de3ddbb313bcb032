"""`mixtape build`: news, freshness, what is behind the marts, the marts aside, publication.

Each stage stops the build; only the last changes what readers see. A failed build leaves the
loads it was made for unpublished, so that the next one takes them up.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import psycopg
from psycopg import sql

from mixtape.garbage import seldom_sought
from mixtape.warehouse import news as new
from mixtape.warehouse import profile, publish
from mixtape.warehouse.errors import BuildError
from mixtape.warehouse.freshness import stale

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mixtape.warehouse.dbt import Dbt, Node
    from mixtape.warehouse.relations import Mart

__all__ = ["BuildError", "Outcome", "build"]

# Of any build in the database; the number has no meaning.
_LOCK = 7_261_943_550_912
_BEHIND = ["--select", "path:models/staging", "path:models/intermediate"]
_SEEN = ["--select", "path:snapshots", "path:models/marts", "path:models/restricted"]


@dataclass
class Outcome:
    """What a build did."""

    is_news: bool = False
    is_full: bool = False
    nodes: list[Node] = field(default_factory=list)
    """What became of dbt's nodes, of every stage."""
    waited: float = 0.0
    """Seconds for which readers may have waited."""


def build(*, full_refresh: bool = False, verbose: bool = False) -> Outcome:
    """Build the warehouse that dbt's profile names, if there is news.

    Args:
        full_refresh: build everything from the raw tables, news or not.
        verbose: let dbt say what it does, line by line.

    Raises:
        BuildError: a stage stopped it; readers have what they had.
        psycopg.OperationalError: the warehouse does not answer.
    """
    folder = profile.project()
    digest = new.project_digest(folder)
    with (
        seldom_sought(),
        psycopg.connect(profile.address(), autocommit=True) as connection,
        _alone(connection),
    ):
        new.prepare(connection)
        news = new.news(connection, digest)
        _check_freshness(connection)
        if not news and not full_refresh:
            _say("no load has brought rows since the last good build: nothing to do")
            return Outcome()
        # Only now: importing dbt takes longer than all of the above.
        from mixtape.warehouse.dbt import Dbt  # noqa: PLC0415 - see above
        from mixtape.warehouse.relations import marts  # noqa: PLC0415 - see above

        dbt = Dbt(verbose=verbose)
        found = marts(dbt.manifest)
        is_full = full_refresh or news.project_changed or not _all_there(connection, found)
        _say(f"{news}; {'everything is built anew' if is_full else 'building what changed'}")
        outcome = Outcome(is_news=True, is_full=is_full)
        started_at = datetime.now(UTC)
        outcome.nodes += _stage(dbt, "behind the marts", _BEHIND, news, is_full=is_full)
        outcome.nodes += _stage(dbt, "the marts, aside", _SEEN, news, is_full=is_full)
        for mart in found:
            if not mart.is_view:
                connection.execute(
                    sql.SQL("analyze {}").format(sql.Identifier(publish.ASIDE, mart.name))
                )
        build_id = _run_id()
        outcome.waited = publish.publish(
            connection,
            found,
            is_full=is_full,
            record=lambda inside: publish.record_build(
                inside, build_id, digest, started_at, is_full=is_full
            ),
        )
        _say(f"published: {len(found)} relations, in {outcome.waited:.1f} s")
        return outcome


@contextmanager
def _alone(connection: psycopg.Connection) -> Iterator[None]:
    """Let no two builds of one warehouse run at once."""
    taken = connection.execute("select pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
    if taken != (True,):
        raise BuildError("another build of this warehouse is running: wait for its end")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("select pg_advisory_unlock(%s)", (_LOCK,))


def _check_freshness(connection: psycopg.Connection) -> None:
    """Stop where loads have ceased; on a laptop, which need not load by the clock, only say so."""
    found = stale(connection, profile.project())
    for one in found:
        _say(f"{'error' if one.is_error else 'warning'}: {one}")
    if any(one.is_error for one in found) and profile.target() != "dev":
        raise BuildError("the feeds are too old to build from; the marts stay as they are")


def _all_there(connection: psycopg.Connection, marts: Sequence[Mart]) -> bool:
    """Tell whether the marts that grow are there to be grown."""
    return all(
        new.exists(connection, f"{mart.room}.{mart.name}")
        for mart in marts
        if mart.merge is not None
    )


def _stage(
    dbt: Dbt, title: str, selection: list[str], news: new.News, *, is_full: bool
) -> list[Node]:
    """Build and test a part of the graph; every test of it must pass before the next begins."""
    from mixtape.warehouse.dbt import summary  # noqa: PLC0415 - it imports dbt

    begun = time.monotonic()
    arguments = [*selection, "--indirect-selection", "buildable"]
    if is_full:
        arguments.append("--full-refresh")
    if not news.project_changed:
        # They test the models, and the models are those that passed them.
        arguments += ["--exclude-resource-type", "unit_test"]
    nodes = dbt.run("build", *arguments)
    _say(f"{title}: {summary(nodes)}, {time.monotonic() - begun:.1f} s")
    bad = [node for node in nodes if node.is_bad]
    warned = [node for node in nodes if node.status == "warn"]
    _keep_rows(dbt, [node for node in (*bad, *warned) if node.kind == "test"])
    for node in warned:
        _say(f"warning: {node.name}: {_rows(node)}")
    for node in bad:
        _say(f"error: {node.name}: {_rows(node) if node.kind == 'test' else node.message}")
    if bad:
        raise BuildError(
            f"{len(bad)} of {title} did not pass ({_first(bad)}); the marts stay as they are, and "
            "the next build takes the same loads up again"
        )
    return nodes


def _keep_rows(dbt: Dbt, tests: Sequence[Node]) -> None:
    """Run tests once more that did not pass, and store the rows they found."""
    if tests:
        names = [node.unique_id.rpartition(".")[0].removeprefix("test.mixtape.") for node in tests]
        dbt.run("test", "--select", *names, "--indirect-selection", "buildable", "--store-failures")


def _first(nodes: Sequence[Node]) -> str:
    names = [node.name for node in nodes]
    return ", ".join(names[:3]) + (", …" if names[3:] else "")


def _rows(node: Node) -> str:
    return f"{node.failures:,} rows, kept in failures.{node.alias} ({node.message})"


def _run_id() -> UUID:
    """Return the run's id, as its logs name it."""
    try:
        return UUID(os.environ.get("MELTANO_RUN_ID", ""))
    except ValueError:
        return uuid4()


def _say(line: str) -> None:
    sys.stderr.write(f"build: {line}\n")
    sys.stderr.flush()
