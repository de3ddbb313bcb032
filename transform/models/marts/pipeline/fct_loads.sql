{{ config(
    indexes=[{'columns': ['finished_at']}],
    meta={'merge': {'key': ['feed', 'run_id'], 'changed': 'fct_loads'}},
) }}

with

loads as (

    select * from {{ ref('int_loads__loads_measured') }}

),

final as (

    select
        feed,
        run_id,
        stream_name,
        rows_in,
        rows_inserted,
        rows_updated,
        rows_deleted,
        rows_rejected,
        rows_stale,
        load_seconds,
        data_age_seconds,
        started_at,
        finished_at
    from loads

)

select * from final
