with

lyrics as (

    select * from {{ ref('int_lyrics__lyrics_united') }}

),

texts as (

    select * from {{ ref('int_lyrics__texts_measured') }}

),

measured as (

    select
        lyrics.lyric_id,
        texts.line_count,
        texts.word_count,
        texts.unique_word_count,
        texts.type_token_ratio
    from lyrics
    inner join texts on lyrics.text_digest = texts.text_digest

)

select * from measured
