{{ config(materialized='view') }}

with

changes as (

    select
        *,
        (loaded_at at time zone 'UTC')::date as loaded_on
    from {{ ref('fct_rap_changes') }}

),

final as (

    select
        loaded_on,
        collection,
        count(*) as change_count,
        round(
            percentile_cont(0.95) within group (order by seconds_to_load)::numeric, 3
        )::numeric(14, 3) as load_lag_p95_seconds
    from changes
    group by loaded_on, collection

)

select * from final
