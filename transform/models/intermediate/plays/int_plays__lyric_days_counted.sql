with

days as (

    select * from {{ ref('int_plays__lyric_days_changed') }}

),

changed as (

    select * from {{ ref('int_plays__plays_changed') }}

),

{% if merging() -%}
published as (

    select * from {{ published('fct_plays') }}

),

{% endif -%}
plays as (

    select
        changed.lyric_id,
        changed.played_on,
        changed.country,
        changed.duration_ms
    from changed
    inner join days on changed.lyric_id = days.lyric_id and changed.played_on = days.played_on
    where changed.is_live
    {% if merging() -%}
        union all
        select
            published.lyric_id,
            published.played_on,
            published.country,
            published.duration_ms
        from published
        inner join days
            on published.lyric_id = days.lyric_id and published.played_on = days.played_on
        where not exists (
            select from changed
            where changed.play_id = published.play_id
        )
    {%- endif %}

),

counted as (

    select
        lyric_id,
        played_on,
        count(*)::integer as play_count,
        count(distinct country)::integer as listener_country_count,
        (coalesce(sum(duration_ms), 0) / 60000.0)::numeric(14, 2) as played_minutes
    from plays
    group by lyric_id, played_on

)

select * from counted
