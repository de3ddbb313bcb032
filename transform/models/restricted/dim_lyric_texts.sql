with

lyrics as (

    select * from {{ ref('int_lyrics__lyrics_united') }}

),

final as (

    select
        lyric_id,
        lyrics
    from lyrics

)

select * from final
