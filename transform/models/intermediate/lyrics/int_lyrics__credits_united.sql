with

lyrics as (

    select * from {{ ref('int_lyrics__lyrics_united') }}

),

from_files as (

    select * from {{ ref('stg_files__lyric_credits') }}

),

from_mongo as (

    select * from {{ ref('stg_mongo__lyrics') }}

),

-- A lyric's credits are those of the one document that speaks for it, never a union of several.
of_winning_file as (

    select
        lyrics.lyric_id,
        from_files.artist_id,
        from_files.role,
        from_files.position
    from from_files
    inner join lyrics
        on
            from_files.lyric_id = lyrics.lyric_id
            and from_files.source_bucket = lyrics.source_bucket
            and from_files.source_file = lyrics.source_file
            and from_files.source_line = lyrics.source_line
    where lyrics.feed = 'files'

),

of_winning_document as (

    select
        lyrics.lyric_id,
        credit.artist_id,
        credit.role,
        credit.position
    from from_mongo
    inner join lyrics
        on
            from_mongo.lyric_id = lyrics.lyric_id
            and from_mongo.document_id = lyrics.source_file
    cross join
        lateral jsonb_to_recordset(from_mongo.credits) as credit (
            artist_id uuid, role text, position integer
        )
    where lyrics.feed = 'mongo'

),

united as (

    select * from of_winning_file
    union all
    select * from of_winning_document

)

select * from united
