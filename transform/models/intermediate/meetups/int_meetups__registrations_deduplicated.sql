with

registrations as (

    select * from {{ ref('stg_mongo__registrations') }}

),

deduplicated as (

    {{ deduplicated('registrations', 'registration_id', order_by=[
        'updated_at desc', 'source_version desc', 'document_id collate "C" asc'
    ]) }}

),

final as (

    select
        registration_id,
        meetup_id,
        attendee_hash,
        status,
        registered_at,
        updated_at
    from deduplicated

)

select * from final
