with

meetups as (

    {{ current_rows(source('files', 'meetups')) }}

),

renamed as (

    select
        meetup_id,
        title,
        host,
        timezone,
        venue,
        city,
        country,
        is_online,
        starts_at,
        ends_at,
        updated_at,
        _sdc_source_bucket as source_bucket,
        _sdc_source_file as source_file,
        _sdc_source_lineno as source_line,
        _sdc_lsn as source_version
    from meetups

)

select * from renamed
