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

    select
        lyric_id,
        played_on,
        play_count,
        listener_country_count,
        played_minutes
    from counted
    {% if merging() -%}
        union all
        select
            published.lyric_id,
            published.played_on,
            published.play_count,
            published.listener_country_count,
            published.played_minutes
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
