with

lyrics as (

    select * from {{ ref('int_lyrics__lyrics_united') }}

),

measures as (

    select * from {{ ref('int_lyrics__lyrics_measured') }}

),

lead_artists as (

    select * from {{ ref('int_lyrics__lead_artists_chosen') }}

),

credits as (

    select * from {{ ref('int_lyrics__credits_united') }}

),

artists as (

    select * from {{ ref('int_artists__artists_united') }}

),

credited as (

    select
        lyric_id,
        count(distinct artist_id)::integer as credited_artist_count
    from credits
    group by lyric_id

),

final as (

    select
        lyrics.lyric_id,
        lead_artists.lead_artist_id,
        measures.line_count,
        measures.word_count,
        measures.unique_word_count,
        measures.type_token_ratio,
        lyrics.released_date,
        coalesce(credited.credited_artist_count, 0) as credited_artist_count,
        lyrics.released_date - artists.debut_date as days_since_lead_artist_debut
    from lyrics
    inner join measures on lyrics.lyric_id = measures.lyric_id
    left join lead_artists on lyrics.lyric_id = lead_artists.lyric_id
    left join credited on lyrics.lyric_id = credited.lyric_id
    left join artists on lead_artists.lead_artist_id = artists.artist_id

)

select * from final
