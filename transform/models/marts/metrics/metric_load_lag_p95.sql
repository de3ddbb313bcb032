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
        -- One of the times themselves: between two, numbers of floating point would be rounded.
        percentile_disc(0.95) within group (
            order by seconds_to_load
        )::numeric(14, 3) as load_lag_p95_seconds
    from changes
    group by loaded_on, collection

)

select * from final
