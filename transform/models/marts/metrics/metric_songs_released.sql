{{ config(materialized='view') }}

with

releases as (

    select * from {{ ref('fct_lyric_releases') }}

),

final as (

    -- As a timestamp without zone: a month does not depend on who asks where.
    select
        date_trunc('month', released_date::timestamp)::date as month_start,
        count(*) as songs_released
    from releases
    where released_date is not null
    group by 1

)

select * from final
