{{ config(
    indexes=[
        {'columns': ['lyric_id', 'played_on']},
        {'columns': ['artist_id', 'played_on']},
        {'columns': ['played_at']},
        {'columns': ['document_id']},
    ],
    meta={'merge': {'key': ['play_id'], 'changed': 'int_plays__plays_changed'}},
) }}

with

plays as (

    select * from {{ ref('int_plays__plays_changed') }}

),

final as (

    select
        play_id,
        lyric_id,
        artist_id,
        document_id,
        country,
        client,
        duration_ms,
        played_on,
        played_at
    from plays
    where is_live

)

select * from final
