with

credits as (

    select * from {{ ref('int_lyrics__credits_united') }}

),

final as (

    select
        lyric_id,
        artist_id,
        role,
        position
    from credits

)

select * from final
