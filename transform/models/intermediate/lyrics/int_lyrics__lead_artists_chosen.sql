with

credits as (

    select * from {{ ref('int_lyrics__credits_united') }}

),

-- The first credit as a singer, else the first credit: the rule that a lyric's id is made by.
chosen as (

    select distinct on (lyric_id)
        lyric_id,
        artist_id as lead_artist_id
    from credits
    order by
        lyric_id asc,
        role = 'singer' desc,
        position asc nulls last,
        role asc,
        artist_id asc

)

select * from chosen
