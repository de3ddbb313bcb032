{{ config(materialized='view') }}

with

plays as (

    select * from {{ ref('fct_plays') }}

),

final as (

    select
        played_on,
        count(*) as plays
    from plays
    group by played_on

)

select * from final
