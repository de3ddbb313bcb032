with

plays as (

    select * from {{ ref('int_plays__plays_changed') }}

),

{% if merging() -%}
published as (

    select * from {{ published('fct_plays') }}

),

{% endif -%}
-- Where changed plays are now, and where they were.
changed as (

    select
        lyric_id,
        played_on
    from plays
    where is_live
    {% if merging() -%}
        union distinct
        select
            published.lyric_id,
            published.played_on
        from published
        inner join plays on published.play_id = plays.play_id
    {% else -%}
        group by lyric_id, played_on
    {%- endif %}

)

select * from changed
