with

meetups as (

    {{ rows_if_loaded(source('mongo', 'meetups')) }}

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
        performances,
        is_online,
        starts_at,
        ends_at,
        updated_at,
        _sdc_lsn as source_version,
        _id as document_id
    from meetups
    where _sdc_deleted_at is null

)

select * from renamed
