with

registrations as (

    select * from {{ ref('int_meetups__registrations_deduplicated') }}

),

final as (

    select
        registration_id,
        attendee_hash
    from registrations

)

select * from final
