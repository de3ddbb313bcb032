with

lyrics as (

    {{ rows_if_loaded(source('mongo', 'lyrics')) }}

),

renamed as (

    select
        lyric_id,
        title,
        lyrics,
        album,
        label,
        language,
        video_url,
        notes,
        credits,
        released_date,
        updated_at,
        _sdc_lsn as source_version,
        _id as document_id
    from lyrics
    where _sdc_deleted_at is null

)

select * from renamed
