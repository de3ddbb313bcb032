{{ config(materialized='ephemeral') }}

with

counted as (

    select * from {{ ref('int_plays__lyric_days_counted') }}

),

{% if merging() -%}
changed as (

    select * from {{ ref('int_plays__lyric_days_changed') }}

),

published as (

    select * from {{ published('fct_lyric_days') }}

),

{% endif -%}
united as (

    select * from counted
    {% if merging() -%}
        union all
        select published.*
        from published
        where
            not exists (
                select from changed
                where
                    changed.lyric_id = published.lyric_id
                    and changed.played_on = published.played_on
            )
    {%- endif %}

)

select * from united
