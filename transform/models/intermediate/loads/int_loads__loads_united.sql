{{ config(materialized='view') }}

with

from_files as (

    select * from {{ ref('stg_files__loads') }}

),

from_mongo as (

    select * from {{ ref('stg_mongo__loads') }}

),

united as (

    select
        run_id,
        stream_name,
        rows_in,
        rows_inserted,
        rows_updated,
        rows_deleted,
        rows_rejected,
        rows_stale,
        first_source_version,
        last_source_version,
        started_at,
        finished_at,
        'files' as feed
    from from_files
    union all
    select
        run_id,
        stream_name,
        rows_in,
        rows_inserted,
        rows_updated,
        rows_deleted,
        rows_rejected,
        rows_stale,
        first_source_version,
        last_source_version,
        started_at,
        finished_at,
        'mongo' as feed
    from from_mongo

)

select * from united
