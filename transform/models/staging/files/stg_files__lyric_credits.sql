with

lyric_credits as (

    {{ current_rows(source('files', 'lyric_credits')) }}

),

renamed as (

    select
        lyric_id,
        artist_id,
        role,
        position,
        _sdc_source_bucket as source_bucket,
        _sdc_source_file as source_file,
        _sdc_source_lineno as source_line,
        _sdc_lsn as source_version
    from lyric_credits

)

select * from renamed
