with

changed as (

    select * from {{ ref('int_loads__loads_changed') }}

),

-- Whole runs, since what a tap refused is a stream beside the one it would have been in.
loads as (

    select
        loads.*,
        regexp_replace(loads.stream_name, '__rejected$', '') as base_stream,
        loads.stream_name like '%\_\_rejected' as is_quarantine
    from {{ ref('int_loads__loads_united') }} as loads
    where
        exists (
            select from changed
            where changed.feed = loads.feed and changed.run_id = loads.run_id
        )

),

refused as (

    select * from loads
    where is_quarantine

),

received as (

    select * from loads
    where not is_quarantine

),

measured as (

    select
        received.last_source_version,
        coalesce(received.feed, refused.feed) as feed,
        coalesce(received.run_id, refused.run_id) as run_id,
        coalesce(received.base_stream, refused.base_stream) as stream_name,
        coalesce(received.rows_in, 0) as rows_in,
        coalesce(received.rows_inserted, 0) as rows_inserted,
        coalesce(received.rows_updated, 0) as rows_updated,
        coalesce(received.rows_deleted, 0) as rows_deleted,
        coalesce(received.rows_rejected, 0) + coalesce(refused.rows_in, 0) as rows_rejected,
        coalesce(received.rows_stale, 0) as rows_stale,
        coalesce(received.started_at, refused.started_at) as started_at,
        coalesce(received.finished_at, refused.finished_at) as finished_at
    from received
    full outer join refused
        on
            received.feed = refused.feed
            and received.run_id = refused.run_id
            and received.base_stream = refused.base_stream

),

timed as (

    select
        *,
        extract(epoch from finished_at - started_at)::numeric(14, 3) as load_seconds,
        (
            extract(epoch from finished_at) - last_source_version / 1000000.0
        )::numeric(14, 3) as data_age_seconds
    from measured

)

select * from timed
