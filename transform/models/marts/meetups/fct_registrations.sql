{{ config(indexes=[{'columns': ['meetup_id']}, {'columns': ['registered_on']}]) }}

with

registrations as (

    select * from {{ ref('int_meetups__registrations_deduplicated') }}

),

final as (

    select
        registration_id,
        meetup_id,
        status,
        registered_at,
        updated_at,
        (
            extract(epoch from updated_at - registered_at) / 3600
        )::numeric(12, 2) as hours_to_last_change,
        (registered_at at time zone 'UTC')::date as registered_on
    from registrations

)

select * from final
