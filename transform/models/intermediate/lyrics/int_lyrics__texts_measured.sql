{{ config(materialized='incremental', unique_key='text_digest') }}

-- Counting words is the dearest thing here, and a text's numbers never change: once is enough.
with

lyrics as (

    select * from {{ ref('int_lyrics__lyrics_united') }}

),

texts as (

    select distinct on (lyrics.text_digest)
        lyrics.text_digest,
        lyrics.lyrics
    from lyrics
    {% if is_incremental() -%}
        left join {{ this }} as measured on lyrics.text_digest = measured.text_digest
        where measured.text_digest is null
    {%- endif %}

),

counted as (

    select
        texts.text_digest,
        line_counts.line_count,
        word_counts.word_count,
        word_counts.unique_word_count
    from texts
    cross join
        lateral (
            select count(*)::integer as line_count
            from regexp_split_to_table(texts.lyrics, '\r\n|\r|\n') as text_line
            where text_line ~ '\S' collate {{ unicode_collation() }}
        ) as line_counts
    cross join
        lateral (
            select
                count(*)::integer as word_count,
                count(distinct found[1])::integer as unique_word_count
            from {{ words('texts.lyrics') }} as found
        ) as word_counts

),

measured as (

    select
        text_digest,
        line_count,
        word_count,
        unique_word_count,
        (
            unique_word_count::numeric / nullif(word_count, 0)
        )::numeric(5, 4) as type_token_ratio
    from counted

)

select * from measured
