with

lyrics as (

    {{ current_rows(source('files', 'lyrics')) }}

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
        released_date,
        updated_at,
        _sdc_source_bucket as source_bucket,
        _sdc_source_file as source_file,
        _sdc_source_lineno as source_line,
        _sdc_lsn as source_version
    from lyrics

)

select * from renamed
