with

lyrics as (

    select * from {{ ref('int_lyrics__lyrics_deduplicated') }}

),

counted as (

    select
        lyrics.lyric_id,
        line_counts.line_count,
        word_counts.word_count,
        word_counts.unique_word_count
    from lyrics
    cross join
        lateral (
            select count(*)::integer as line_count
            from regexp_split_to_table(lyrics.lyrics, '\r\n|\r|\n') as text_line
            where text_line ~ '\S' collate {{ unicode_collation() }}
        ) as line_counts
    cross join
        lateral (
            select
                count(*)::integer as word_count,
                count(distinct found[1])::integer as unique_word_count
            from {{ words('lyrics.lyrics') }} as found
        ) as word_counts

),

measured as (

    select
        lyric_id,
        line_count,
        word_count,
        unique_word_count,
        (
            unique_word_count::numeric / nullif(word_count, 0)
        )::numeric(5, 4) as type_token_ratio
    from counted

)

select * from measured
