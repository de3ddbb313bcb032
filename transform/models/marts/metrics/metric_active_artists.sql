{{ config(materialized='view') }}

with

artist_months as (

    select * from {{ ref('fct_artist_months') }}

),

final as (

    select
        month_start,
        count(*) as active_artists
    from artist_months
    group by month_start

)

select * from final
