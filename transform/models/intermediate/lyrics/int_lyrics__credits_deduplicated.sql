with

lyrics as (

    select * from {{ ref('int_lyrics__lyrics_deduplicated') }}

),

credits as (

    select * from {{ ref('stg_files__lyric_credits') }}

),

-- A lyric's credits are those of the one document that speaks for it, never a union of several.
of_winning_document as (

    select
        credits.lyric_id,
        credits.artist_id,
        credits.role,
        credits.position
    from credits
    inner join lyrics
        on
            credits.lyric_id = lyrics.lyric_id
            and credits.source_bucket = lyrics.source_bucket
            and credits.source_file = lyrics.source_file
            and credits.source_line = lyrics.source_line

)

select * from of_winning_document
