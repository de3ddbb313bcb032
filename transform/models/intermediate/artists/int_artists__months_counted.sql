with

credits as (

    select * from {{ ref('int_lyrics__credits_united') }}

),

lyrics as (

    select * from {{ ref('int_lyrics__lyrics_united') }}

),

lead_artists as (

    select * from {{ ref('int_lyrics__lead_artists_chosen') }}

),

performances as (

    select * from {{ ref('int_meetups__performances_united') }}

),

meetups as (

    select * from {{ ref('int_meetups__meetups_united') }}

),

lyric_days as (

    select * from {{ ref('int_plays__lyric_days_united') }}

),

events as (

    select
        credits.artist_id,
        credits.role as kind,
        lyrics.released_date as happened_on,
        1 as amount
    from credits
    inner join lyrics on credits.lyric_id = lyrics.lyric_id
    where lyrics.released_date is not null
    union all
    select
        performances.artist_id,
        'performance' as kind,
        (
            coalesce(performances.started_at, meetups.starts_at) at time zone 'UTC'
        )::date as happened_on,
        1 as amount
    from performances
    inner join meetups on performances.meetup_id = meetups.meetup_id
    union all
    select
        lead_artists.lead_artist_id as artist_id,
        'play' as kind,
        lyric_days.played_on as happened_on,
        lyric_days.play_count as amount
    from lyric_days
    inner join lead_artists on lyric_days.lyric_id = lead_artists.lyric_id

),

counted as (

    select
        artist_id,
        date_trunc('month', happened_on::timestamp)::date as month_start,
        (count(*) filter (where kind = 'singer'))::integer as release_count,
        (count(*) filter (where kind = 'featured'))::integer as feature_count,
        (count(*) filter (where kind = 'lyricist'))::integer as written_count,
        (count(*) filter (where kind = 'performance'))::integer as performance_count,
        coalesce(sum(amount) filter (where kind = 'play'), 0)::bigint as play_count
    from events
    where kind <> 'producer'
    group by artist_id, date_trunc('month', happened_on::timestamp)::date

)

select * from counted
