{{ config(materialized='view') }}

with

artist_months as (

    select * from {{ ref('fct_artist_months') }}

),

final as (

    select
        month,
        count(*) as active_artists
    from artist_months
    group by month

)

select * from final
