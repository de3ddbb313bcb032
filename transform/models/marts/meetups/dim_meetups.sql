with

meetups as (

    select * from {{ ref('int_meetups__meetups_deduplicated') }}

),

final as (

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
        updated_at
    from meetups

)

select * from final
