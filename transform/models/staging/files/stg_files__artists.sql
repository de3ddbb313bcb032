with

artists as (

    {{ current_rows(source('files', 'artists')) }}

),

renamed as (

    select
        artist_id,
        name,
        country,
        spotify_url,
        birth_date,
        debut_date,
        updated_at,
        _sdc_source_bucket as source_bucket,
        _sdc_source_file as source_file,
        _sdc_source_lineno as source_line,
        _sdc_lsn as source_version
    from artists

)

select * from renamed
