with

lyrics as (

    select * from {{ ref('int_lyrics__lyrics_united') }}

),

final as (

    select
        lyric_id,
        title,
        album,
        label,
        language,
        video_url,
        notes,
        released_date,
        updated_at
    from lyrics

)

select * from final
