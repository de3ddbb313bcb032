with

registrations as (

    {{ rows_if_loaded(source('mongo', 'registrations')) }}

),

renamed as (

    select
        registration_id,
        meetup_id,
        attendee_hash,
        status,
        registered_at,
        updated_at,
        _sdc_lsn as source_version,
        _id as document_id
    from registrations
    where _sdc_deleted_at is null

)

select * from renamed
