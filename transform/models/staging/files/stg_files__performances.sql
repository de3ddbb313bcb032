with

performances as (

    {{ current_rows(source('files', 'performances')) }}

),

renamed as (

    select
        meetup_id,
        lyric_id,
        artist_id,
        position,
        started_at,
        _sdc_source_bucket as source_bucket,
        _sdc_source_file as source_file,
        _sdc_source_lineno as source_line,
        _sdc_lsn as source_version
    from performances

)

select * from renamed
