with

plays as (

    {{ rows_if_loaded(source('mongo', 'plays')) }}

),

renamed as (

    select
        play_id,
        lyric_id,
        artist_id,
        country,
        client,
        duration_ms,
        played_at,
        _sdc_lsn as source_version,
        _id as document_id,
        _sdc_batched_at as batched_at,
        _sdc_deleted_at as deleted_at
    from plays

)

select * from renamed
