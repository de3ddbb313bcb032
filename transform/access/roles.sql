-- Who may do what in the warehouse: roles, schemas and rights of the current database.
--
-- Idempotent, and without passwords. Run it as a superuser, or as a role with CREATEROLE and
-- CREATE on the database; as the database's owner it also takes from PUBLIC what PUBLIC need not
-- have. It is one transaction when sent at once (psycopg), and by
--   psql --single-transaction --set ON_ERROR_STOP=1 --file transform/access/roles.sql

-- Roles. To own schemas on behalf of a role one must be able to become it, which a superuser can
-- anyway; a creator has had only the right to grant it since PostgreSQL 16.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['loader', 'transformer', 'bi_reader'] loop
        if not exists (select from pg_roles where rolname = wanted) then
            execute format('create role %I login', wanted);
        end if;
    end loop;
    if not (select rolsuper from pg_roles where rolname = current_user) then
        grant loader, transformer to current_user;
    end if;
end
$$;

-- The database. Everybody may still connect: a connection alone reads nothing.
do $$
begin
    if pg_has_role(
        (select datdba from pg_database where datname = current_database()), 'usage'
    ) then
        execute format(
            'revoke create, temporary on database %I from public', current_database()
        );
        execute format(
            'grant temporary on database %I to loader, transformer', current_database()
        );
        revoke all on schema public from public;
    else
        raise warning 'database "%" belongs to somebody else: have its owner run this file, '
            'or PUBLIC keeps its rights on the database and on schema public',
            current_database();
    end if;
end
$$;

-- Schemas, each with one owner. Nobody but an administrator makes further ones.
do $$
declare
    room record;
begin
    for room in
        select *
        from (
            values
            ('raw_files', 'loader'),
            ('raw_mongo', 'loader'),
            ('staging', 'transformer'),
            ('intermediate', 'transformer'),
            ('marts', 'transformer'),
            ('restricted', 'transformer'),
            ('snapshots', 'transformer'),
            ('publishing', 'transformer'),
            ('failures', 'transformer')
        ) as rooms (name, owner)
    loop
        if not exists (select from pg_namespace where nspname = room.name) then
            execute format('create schema %I authorization %I', room.name, room.owner);
        elsif not exists (
            select
            from pg_namespace
            where nspname = room.name and nspowner = room.owner::regrole
        ) then
            execute format('alter schema %I owner to %I', room.name, room.owner);
        end if;
    end loop;
end
$$;

-- dbt reads what the loader lands, also in tables that are made later.
grant usage on schema raw_files, raw_mongo to transformer;
grant select on all tables in schema raw_files, raw_mongo to transformer;
alter default privileges for role loader in schema raw_files, raw_mongo
grant select on tables to transformer;

-- BI reads marts and nothing else, tables and views. Default privileges outlive dbt's rebuilding
-- of a table; one that was built in `publishing` gets them when it is moved from there.
grant usage on schema marts to bi_reader;
grant select on all tables in schema marts to bi_reader;
alter default privileges for role transformer in schema marts
grant select on tables to bi_reader;

-- A forgotten dashboard must not hold back the next build, which replaces tables.
alter role bi_reader set statement_timeout = '60s';
alter role bi_reader set idle_in_transaction_session_timeout = '60s';
alter role bi_reader set search_path = 'marts';

-- Days are UTC's, whatever zone the server is set to: dbt's snapshots write times without a zone.
alter role transformer set timezone = 'UTC';
alter role bi_reader set timezone = 'UTC';
