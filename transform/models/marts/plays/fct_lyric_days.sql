{{ config(
    indexes=[{'columns': ['played_on']}],
    meta={
        'merge': {'key': ['lyric_id', 'played_on'], 'changed': 'int_plays__lyric_days_changed'},
    },
) }}

with

lyric_days as (

    select * from {{ ref('int_plays__lyric_days_counted') }}

),

final as (

    select
        lyric_id,
        played_on,
        play_count,
        listener_country_count,
        played_minutes
    from lyric_days

)

select * from final
