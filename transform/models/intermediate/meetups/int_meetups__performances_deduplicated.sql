with

meetups as (

    select * from {{ ref('int_meetups__meetups_deduplicated') }}

),

performances as (

    select * from {{ ref('stg_files__performances') }}

),

-- A meetup's programme is that of the one document that speaks for it, never a union of several.
of_winning_document as (

    select
        performances.meetup_id,
        performances.lyric_id,
        performances.artist_id,
        performances.position,
        performances.started_at
    from performances
    inner join meetups
        on
            performances.meetup_id = meetups.meetup_id
            and performances.source_bucket = meetups.source_bucket
            and performances.source_file = meetups.source_file
            and performances.source_line = meetups.source_line

)

select * from of_winning_document
