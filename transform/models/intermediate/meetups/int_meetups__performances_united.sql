with

meetups as (

    select * from {{ ref('int_meetups__meetups_united') }}

),

from_files as (

    select * from {{ ref('stg_files__performances') }}

),

from_mongo as (

    select * from {{ ref('stg_mongo__meetups') }}

),

-- A meetup's programme is that of the one document that speaks for it, never a union of several.
of_winning_file as (

    select
        meetups.meetup_id,
        from_files.lyric_id,
        from_files.artist_id,
        from_files.position,
        from_files.started_at
    from from_files
    inner join meetups
        on
            from_files.meetup_id = meetups.meetup_id
            and from_files.source_bucket = meetups.source_bucket
            and from_files.source_file = meetups.source_file
            and from_files.source_line = meetups.source_line
    where meetups.feed = 'files'

),

of_winning_document as (

    select
        meetups.meetup_id,
        performance.lyric_id,
        performance.artist_id,
        performance.position,
        performance.started_at
    from from_mongo
    inner join meetups
        on
            from_mongo.meetup_id = meetups.meetup_id
            and from_mongo.document_id = meetups.source_file
    cross join
        lateral jsonb_to_recordset(from_mongo.performances) as performance (
            lyric_id uuid, artist_id uuid, position integer, started_at timestamptz
        )
    where meetups.feed = 'mongo'

),

united as (

    select * from of_winning_file
    union all
    select * from of_winning_document

)

select * from united
