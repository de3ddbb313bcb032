"""Each role can do its work and nothing more, proven by trying; and `roles.sql` can be repeated."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import errors, sql

from mixtape.services.postgres import Postgres, conninfo_uri, make_roles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.fix_postgres import Database, MakeDatabase
    from transform.warehouse import Warehouse

CATALOGUE = """
select 'role', rolname::text, rolsuper::text || rolcreaterole || rolcreatedb || rolcanlogin
from pg_roles
union all
select 'member', roleid::regrole::text || '<' || member::regrole, count(*)::text
from pg_auth_members group by 2
union all
select 'setting', setrole::regrole::text, setconfig::text from pg_db_role_setting
union all
select 'database', datname, datacl::text from pg_database where datname = current_database()
union all
select 'schema', nspname, nspowner::regrole::text || coalesce(nspacl::text, '')
from pg_namespace where nspname !~ '^pg_'
union all
select 'table', oid::regclass::text, relowner::regrole::text || coalesce(relacl::text, '')
from pg_class where relkind in ('r', 'v', 'm') and relnamespace::regnamespace::text !~ '^pg_'
union all
select 'default', defaclrole::regrole::text || defaclnamespace::regnamespace, defaclacl::text
from pg_default_acl
order by 1, 2, 3
"""

ROLES = ("bi_reader", "loader", "transformer")

ALLOWED = [
    ("bi_reader", "select count(*) from marts.dim_artists"),
    ("bi_reader", "select count(*) from fct_lyric_releases"),
    ("loader", "create temporary table batch (id int)"),
    ("loader", "create table raw_mongo.t (id int); drop table raw_mongo.t"),
    ("loader", "update raw_files.lyrics set title = title"),
    ("transformer", "create temporary table batch (id int)"),
    ("transformer", "select count(*) from raw_files.lyrics"),
    ("transformer", "create table snapshots.t (id int); drop table snapshots.t"),
    ("transformer", "create view publishing.t as select 1 as id; drop view publishing.t"),
    ("transformer", "create table failures.t (id int); drop table failures.t"),
    ("transformer", "select count(*) from restricted.dim_lyric_texts"),
]

REFUSED = [
    *(
        ("bi_reader", f"select count(*) from {relation}")
        for relation in (
            "restricted.dim_lyric_texts",
            "raw_files.lyrics",
            "raw_files._sdc_loads",
            "staging.stg_files__lyrics",
            "intermediate.int_lyrics__lyrics_deduplicated",
            # Refused by their schemas, whatever is in them.
            "raw_mongo.registrations",
            "snapshots.t",
            "publishing.t",
            "failures.t",
        )
    ),
    ("bi_reader", "insert into marts.dim_artists select * from marts.dim_artists"),
    ("bi_reader", "update marts.dim_artists set name = ''"),
    ("bi_reader", "delete from marts.dim_artists"),
    ("bi_reader", "truncate marts.dim_artists"),
    ("bi_reader", "drop table marts.dim_artists"),
    ("bi_reader", "create table marts.t (id int)"),
    ("bi_reader", "create table public.t (id int)"),
    ("bi_reader", "create table publishing.t (id int)"),
    ("bi_reader", "alter role bi_reader createrole"),
    ("bi_reader", "create temporary table t (id int)"),
    ("bi_reader", "create schema s"),
    ("bi_reader", "set role transformer"),
    ("bi_reader", "select pg_read_file('postgresql.conf')"),
    ("loader", "select count(*) from marts.dim_artists"),
    ("loader", "select count(*) from staging.stg_files__lyrics"),
    ("loader", "select count(*) from publishing.t"),
    ("loader", "select count(*) from failures.t"),
    ("loader", "create table marts.t (id int)"),
    ("loader", "create table publishing.t (id int)"),
    ("loader", "create table public.t (id int)"),
    ("loader", "create schema s"),
    ("loader", "create role r"),
    ("loader", "set role transformer"),
    ("transformer", "insert into raw_files.lyrics select * from raw_files.lyrics"),
    ("transformer", "update raw_files.lyrics set title = ''"),
    ("transformer", "delete from raw_files._sdc_loads"),
    ("transformer", "drop table raw_files.lyrics"),
    ("transformer", "create table raw_files.t (id int)"),
    ("transformer", "create table public.t (id int)"),
    ("transformer", "create schema s"),
    ("transformer", "create role r"),
    ("transformer", "set role loader"),
]


@pytest.fixture(scope="module")
def connections(warehouse: Warehouse, built: dict[str, str]) -> Iterator[dict[str, Any]]:
    """A connection of each role to the warehouse after its build."""
    found = {role: psycopg.connect(conninfo_uri(warehouse.uri, role)) for role in ROLES}
    yield found
    for connection in found.values():
        connection.close()


@pytest.mark.parametrize(("role", "statement"), ALLOWED)
def test_role_may(connections: dict[str, psycopg.Connection], role: str, statement: str) -> None:
    with connections[role].transaction(force_rollback=True):
        connections[role].execute(statement.encode())


@pytest.mark.parametrize(("role", "statement"), REFUSED)
def test_role_may_not(
    connections: dict[str, psycopg.Connection], role: str, statement: str
) -> None:
    with (
        pytest.raises(errors.InsufficientPrivilege),
        connections[role].transaction(force_rollback=True),
    ):
        connections[role].execute(statement.encode())


def test_bi_reader_sees_the_marts_and_no_other_relation(
    connections: dict[str, psycopg.Connection],
) -> None:
    readable = connections["bi_reader"].execute(
        "select distinct relnamespace::regnamespace::text from pg_class"
        " where relkind in ('r', 'v', 'm', 'p', 'f', 'S')"
        " and relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
        " and has_schema_privilege(relnamespace, 'usage')"
        " and has_table_privilege(oid, 'select, insert, update, delete, references')"
    )
    assert readable.fetchall() == [("marts",)]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_nothing_but_itself(warehouse: Warehouse, role: str) -> None:
    with psycopg.connect(warehouse.uri) as connection:
        found = connection.execute(
            "select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls,"
            " (select count(*) from pg_auth_members where member = pg_roles.oid)"
            " from pg_roles where rolname = %s",
            [role],
        )
        assert found.fetchone() == (False, 0)


def test_bi_reader_sees_no_text_and_no_attendee(
    warehouse: Warehouse, connections: dict[str, psycopg.Connection]
) -> None:
    with psycopg.connect(warehouse.uri, autocommit=True) as connection:
        # Statistics show values to whoever may select from a table, whatever its schema.
        connection.execute("analyze")
        kept = connection.execute(
            "select count(*) from pg_stats where attname in ('lyrics', 'attendee_hash')"
            " and schemaname = 'restricted'"
        ).fetchone()
    assert kept
    assert kept[0] > 0
    seen = connections["bi_reader"].execute(
        "select attrelid::regclass::text from pg_attribute"
        " where attname in ('lyrics', 'attendee_hash', 'payload')"
        " and has_table_privilege(attrelid, 'select')"
        " union select schemaname || '.' || tablename from pg_stats where schemaname <> 'marts'"
        " and schemaname not in ('pg_catalog', 'information_schema')"
    )
    assert seen.fetchall() == []
    connections["bi_reader"].rollback()


def test_what_is_being_built_is_not_readable_yet(
    connections: dict[str, psycopg.Connection],
) -> None:
    transformer = connections["transformer"]
    with transformer.transaction(force_rollback=True):
        for schema in ("publishing", "restricted", "failures", "snapshots"):
            transformer.execute(f"create table {schema}.made (id int)".encode())
            granted = transformer.execute(
                "select has_table_privilege('bi_reader', %s, 'select')", [f"{schema}.made"]
            )
            assert granted.fetchone() == (False,), schema


def test_bi_reader_keeps_its_rights_when_marts_are_rebuilt(
    warehouse: Warehouse, connections: dict[str, psycopg.Connection]
) -> None:
    reader = connections["bi_reader"]
    reader.rollback()
    before = reader.execute("select 'marts.dim_meetups'::regclass::oid").fetchone()
    reader.rollback()
    warehouse.dbt("run", "--select", "dim_meetups")
    assert reader.execute("select 'marts.dim_meetups'::regclass::oid").fetchone() != before
    reader.execute("select count(*) from marts.dim_meetups")
    reader.rollback()


def test_a_later_raw_table_is_readable_to_the_transformer(
    connections: dict[str, psycopg.Connection],
) -> None:
    connections["loader"].execute("create table raw_files.later (id int)")
    connections["loader"].commit()
    assert connections["transformer"].execute("select * from raw_files.later").fetchall() == []
    connections["transformer"].rollback()
    connections["loader"].execute("drop table raw_files.later")
    connections["loader"].commit()


@pytest.mark.parametrize("limit", ["statement_timeout", "idle_in_transaction_session_timeout"])
def test_bi_reader_holds_nothing_back_for_long(
    connections: dict[str, psycopg.Connection], limit: str
) -> None:
    found = connections["bi_reader"].execute(f"show {limit}".encode()).fetchone()
    connections["bi_reader"].rollback()
    assert found == ("1min",)


@pytest.mark.parametrize("role", ["transformer", "bi_reader"])
def test_days_are_those_of_utc(connections: dict[str, psycopg.Connection], role: str) -> None:
    found = connections[role].execute("show timezone").fetchone()
    connections[role].rollback()
    assert found == ("UTC",)


def catalogue(uri: str) -> list[tuple[Any, ...]]:
    """Return everything that `roles.sql` can change."""
    with psycopg.connect(uri) as connection:
        return connection.execute(CATALOGUE.encode()).fetchall()


@pytest.mark.usefixtures("built")
def test_running_the_script_again_changes_nothing(warehouse: Warehouse, project_root: Path) -> None:
    before = catalogue(warehouse.uri)
    with psycopg.connect(warehouse.uri) as connection:
        connection.execute((project_root / "transform/access/roles.sql").read_bytes())
    assert catalogue(warehouse.uri) == before


def test_meltano_runs_the_script_and_touches_no_password(
    make_database: MakeDatabase, project_root: Path
) -> None:
    uri = make_database().uri
    with psycopg.connect(uri) as connection:
        before = connection.execute("select rolname, rolpassword from pg_authid").fetchall()
    for _ in range(2):
        done = meltano_access(project_root, uri)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "roles, schemas and rights are set" in done.stderr
    with psycopg.connect(uri) as connection:
        schemas = connection.execute("select to_regnamespace('publishing') is not null")
        assert schemas.fetchone() == (True,)
        after = connection.execute("select rolname, rolpassword from pg_authid").fetchall()
    assert after == before


def test_an_account_that_may_not_is_told_what_it_lacks(
    warehouse: Warehouse, project_root: Path
) -> None:
    done = meltano_access(project_root, conninfo_uri(warehouse.uri, "loader"))
    assert done.returncode != 0
    assert "give a role with CREATEROLE" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def meltano_access(project_root: Path, uri: str) -> subprocess.CompletedProcess[str]:
    """Run `meltano invoke warehouse:access` as an administrator does."""
    programs = Path(sys.executable).parent
    return subprocess.run(
        [programs / "meltano", "--environment", "ci", "invoke", "warehouse:access"],
        cwd=project_root,
        env={
            **os.environ,
            "POSTGRES_URI": uri,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_script_takes_over_schemas_that_somebody_else_made(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("create schema raw_files")
        connection.execute("create table raw_files.early (id int)")
    make_roles(database.uri)
    with psycopg.connect(conninfo_uri(database.uri, "loader")) as loader:
        loader.execute("create table raw_files.later (id int)")
    with psycopg.connect(conninfo_uri(database.uri, "transformer")) as transformer:
        transformer.execute("select from raw_files.early, raw_files.later")


@pytest.fixture(scope="module")
def bare_server(service_root: Path) -> Iterator[str]:
    """The address of a server of its own, on which the project's roles do not exist."""
    server = Postgres(service_root / "bare", durable=False)
    server.start()
    with psycopg.connect(server.uri, autocommit=True) as connection:
        connection.execute("create database bare")
    uri = server.uri.replace("/mixtape", "/bare")
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("drop database mixtape with (force)")
        for role in ROLES:
            connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))
        connection.execute("create role admin login createrole password 'admin'")
    yield uri
    server.stop()


@pytest.mark.parametrize("owner", [True, False], ids=["owner", "with create on the database"])
def test_an_administrator_without_superuser_can_run_the_script_twice(
    bare_server: str, project_root: Path, owner: bool
) -> None:
    name = f"admins_{owner}".lower()
    made = sql.Identifier(name)
    with psycopg.connect(bare_server, autocommit=True) as server:
        server.execute(sql.SQL("create database {}").format(made))
        give = (
            "alter database {} owner to admin" if owner else "grant create on database {} to admin"
        )
        server.execute(sql.SQL(give).format(made))
    parts = psycopg.conninfo.conninfo_to_dict(bare_server)
    uri = f"postgresql://admin:admin@{parts['host']}:{parts['port']}/{name}"
    script = (project_root / "transform/access/roles.sql").read_bytes()
    with psycopg.connect(uri) as admin:
        admin.execute(script)
    before = catalogue(uri)
    with psycopg.connect(uri) as admin:
        admin.execute(script)
    assert catalogue(uri) == before
    with psycopg.connect(uri) as admin:
        admin.execute("set local role transformer")
        admin.execute("create table marts.made (id int)")
        admin.execute("set local role none")
        granted = admin.execute("select has_table_privilege('bi_reader', 'marts.made', 'select')")
        assert granted.fetchone() == (True,)
        temporary = admin.execute(
            "select has_database_privilege('bi_reader', current_database(), 'temporary')"
        )
        # Only the owner of a database can take from PUBLIC what it came with.
        assert temporary.fetchone() == (not owner,)
