"""Publishing: what was built and tested aside becomes what readers see, in one transaction.

Tables are moved, marts that grow take what changed, views are made anew over both, and foreign
keys are drawn again. A reader sees the warehouse as it was, waits a moment, or sees it as it is.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from psycopg import errors, sql

from mixtape.warehouse.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from uuid import UUID

    import psycopg

    from mixtape.warehouse.relations import Mart, Merge

ASIDE = "publishing"
ROOMS = ("marts", "restricted")
"""The schemas that are published, and the one where that is prepared."""
# Shorter than PostgreSQL's deadlock_timeout, so that it is never a reader who is cut off.
_LOCK_TIMEOUT = "500ms"
_PATIENCE_SECONDS = 600
_PAUSE_SECONDS = 1.0


def publish(
    connection: psycopg.Connection,
    marts: Sequence[Mart],
    *,
    is_full: bool,
    record: Callable[[psycopg.Connection], None],
) -> float:
    """Let readers see what was built; return for how many seconds they may have waited.

    ``record`` writes down what was published, in the same transaction.

    Raises:
        BuildError: readers held their locks for too long.
    """
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while True:
        begun = time.monotonic()
        try:
            with connection.transaction():
                connection.execute(
                    sql.SQL("set local lock_timeout = {}").format(sql.Literal(_LOCK_TIMEOUT))
                )
                _Publication(connection, marts, is_full=is_full).run()
                record(connection)
        except errors.LockNotAvailable as error:
            if time.monotonic() > give_up:
                raise BuildError(
                    "the new warehouse is built, but readers keep the old one locked: end the "
                    "sessions that pg_stat_activity shows idle in transaction, and build again"
                ) from error
            time.sleep(_PAUSE_SECONDS)
        else:
            return time.monotonic() - begun


def record_build(
    connection: psycopg.Connection,
    build_id: UUID,
    digest: str,
    started_at: datetime,
    *,
    is_full: bool,
) -> None:
    """Write down which loads the published rows are made of."""
    if is_full:
        connection.execute("delete from publishing.loads_published")
    connection.execute(
        """
        insert into publishing.loads_published as known
        select
            feed, run_id, stream_name,
            rows_in, rows_inserted, rows_updated, rows_deleted, rows_rejected, finished_at
        from intermediate.int_loads__loads_changed
        on conflict (feed, run_id, stream_name) do update set
            rows_in = excluded.rows_in,
            rows_inserted = excluded.rows_inserted,
            rows_updated = excluded.rows_updated,
            rows_deleted = excluded.rows_deleted,
            rows_rejected = excluded.rows_rejected,
            finished_at = excluded.finished_at
        """
    )
    connection.execute(
        "insert into publishing.builds (build_id, project, is_full, started_at, published_at)"
        " values (%s, %s, %s, %s, clock_timestamp())",
        (build_id, digest, is_full, started_at),
    )


class _Publication:
    """The statements of one publication."""

    def __init__(
        self, connection: psycopg.Connection, marts: Sequence[Mart], *, is_full: bool
    ) -> None:
        self._connection = connection
        self._marts = marts
        self._tables = [mart for mart in marts if not mart.is_view]
        self._views = [mart for mart in marts if mart.is_view]
        self._is_full = is_full

    def run(self) -> None:
        """Do all of it, in an order in which no two readers can wait for each other."""
        seen = self._seen()
        self._lock(seen)
        for name, kind, _ in seen:
            if kind == "v":
                self._execute("drop view {}", sql.Identifier(*name))
        self._drop_foreign_keys()
        for mart in self._tables:
            if mart.merge is None or self._is_full:
                self._move(mart)
            else:
                self._merge(mart, mart.merge)
        for mart in self._views:
            self._make_view(mart)
        wanted = {(mart.room, mart.name) for mart in self._marts}
        for name, kind, _ in seen:
            if kind != "v" and name not in wanted:
                self._execute("drop table {}", sql.Identifier(*name))
        for mart in self._tables:
            self._draw_foreign_keys(mart)
        for mart in (*self._views, *self._tables):
            what = "view" if mart.is_view else "table"
            self._execute(f"drop {what} if exists {{}}", sql.Identifier(ASIDE, mart.name))

    def _seen(self) -> list[tuple[tuple[str, str], str, int]]:
        """Return what readers see now: name, kind and OID, views first."""
        return [
            ((schema, name), kind, oid)
            for schema, name, kind, oid in self._connection.execute(
                "select relnamespace::regnamespace::text, relname, relkind::text, oid"
                " from pg_class where relkind in ('r', 'v')"
                " and relnamespace::regnamespace::text = any (%s)"
                " and pg_has_role(relowner, 'usage') order by relkind = 'r', relname",
                (list(ROOMS),),
            )
        ]

    def _lock(self, seen: Sequence[tuple[tuple[str, str], str, int]]) -> None:
        """Wait for the readers, and let no other begin. A lock on a view is one on its tables."""
        if seen:
            names = sql.SQL(", ").join(sql.Identifier(*name) for name, _, _ in seen)
            self._execute("lock table {} in access exclusive mode", names)

    def _drop_foreign_keys(self) -> None:
        for table, name in self._connection.execute(
            "select conrelid::regclass::text, conname from pg_constraint"
            " where contype = 'f' and connamespace::regnamespace::text = any (%s)",
            (list(ROOMS),),
        ).fetchall():
            self._execute("alter table {} drop constraint {}", sql.SQL(table), sql.Identifier(name))

    def _move(self, mart: Mart) -> None:
        """Put the new table in the place of the old one, with its comments, key and indexes."""
        final = sql.Identifier(mart.room, mart.name)
        self._execute("drop table if exists {}", final)
        self._execute(
            "alter table {} set schema {}",
            sql.Identifier(ASIDE, mart.name),
            sql.Identifier(mart.room),
        )
        self._give_rights(mart)

    def _merge(self, mart: Mart, merge: Merge) -> None:
        """Replace the rows that changed by what was built of them."""
        final = sql.Identifier(mart.room, mart.name)
        self._execute(
            "delete from {} as kept using (select distinct {} from {}) as changed where {}",
            final,
            sql.SQL(", ").join(map(sql.Identifier, merge.key)),
            sql.Identifier(*merge.changed),
            sql.SQL(" and ").join(
                sql.SQL("kept.{0} = changed.{0}").format(sql.Identifier(name)) for name in merge.key
            ),
        )
        columns = sql.SQL(", ").join(
            sql.Identifier(name)
            for (name,) in self._connection.execute(
                "select attname from pg_attribute where attrelid = %s::regclass"
                " and attnum > 0 and not attisdropped order by attnum",
                (f"{ASIDE}.{mart.name}",),
            )
        )
        self._execute(
            "insert into {final} ({columns}) select {columns} from {aside}",
            final=final,
            columns=columns,
            aside=sql.Identifier(ASIDE, mart.name),
        )

    def _make_view(self, mart: Mart) -> None:
        """Make a view that is over the published tables, as the one built aside is over its own."""
        aside = f"{ASIDE}.{mart.name}"
        # With an empty path every name in the definition has its schema before it.
        self._execute("set local search_path = ''")
        ((definition,),) = self._connection.execute(
            "select pg_get_viewdef(%s::regclass)", (aside,)
        ).fetchall()
        rooms = {other.name: other.room for other in self._marts}
        definition = re.sub(
            rf"\b{ASIDE}\.(\w+)",
            lambda found: f"{rooms[found[1]]}.{found[1]}",
            definition,
        )
        self._execute(
            "create view {} as {}", sql.Identifier(mart.room, mart.name), sql.SQL(definition)
        )
        for column, comment in self._connection.execute(
            "select attname, description from pg_description"
            " left join pg_attribute on attrelid = objoid and attnum = objsubid and attnum > 0"
            " where objoid = %s::regclass and classoid = 'pg_class'::regclass",
            (aside,),
        ).fetchall():
            parts = (mart.room, mart.name) if column is None else (mart.room, mart.name, column)
            self._execute(
                f"comment on {'view' if column is None else 'column'} {{}} is {{}}",
                sql.Identifier(*parts),
                sql.Literal(comment),
            )

    def _give_rights(self, mart: Mart) -> None:
        """Give a moved table the rights of the room it came into: those of a table made there."""
        final = sql.Identifier(mart.room, mart.name)
        for (role,) in self._connection.execute(
            "select distinct grantee::regrole::text from pg_class, aclexplode(relacl)"
            " where pg_class.oid = %s::regclass and grantee <> relowner and grantee <> 0",
            (f"{mart.room}.{mart.name}",),
        ).fetchall():
            self._execute("revoke all on {} from {}", final, sql.SQL(role))
        for role, privilege in self._connection.execute(
            "select grantee::regrole::text, privilege_type"
            " from pg_default_acl, aclexplode(defaclacl)"
            " where defaclobjtype = 'r' and defaclnamespace = %s::regnamespace"
            " and defaclrole = current_user::regrole and grantee not in (0, defaclrole)",
            (mart.room,),
        ).fetchall():
            self._execute("grant {} on {} to {}", sql.SQL(privilege), final, sql.SQL(role))

    def _draw_foreign_keys(self, mart: Mart) -> None:
        """Say which columns are keys of which mart, for tools that draw joins from that.

        Not valid: that rows hold to it is what the relationships tests say, and a lyric that
        vanished does not take its plays along.
        """
        for key in mart.foreign_keys:
            other = next(one for one in self._tables if one.name == key.to)
            self._execute(
                "alter table {} add foreign key ({}) references {} ({}) not valid",
                sql.Identifier(mart.room, mart.name),
                sql.Identifier(key.column),
                sql.Identifier(other.room, other.name),
                sql.Identifier(key.field),
            )

    def _execute(self, statement: str, *parts: sql.Composable, **named: sql.Composable) -> None:
        self._connection.execute(sql.SQL(statement).format(*parts, **named))
