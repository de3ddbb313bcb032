with

meetups as (

    select * from {{ ref('int_meetups__meetups_united') }}

),

-- A zone that PostgreSQL does not know would end the query.
zones as (

    select name from pg_catalog.pg_timezone_names

),

final as (

    select
        meetups.meetup_id,
        meetups.title,
        meetups.host,
        meetups.timezone,
        meetups.venue,
        meetups.city,
        meetups.country,
        meetups.is_online,
        meetups.starts_at,
        meetups.ends_at,
        meetups.updated_at,
        meetups.starts_at at time zone zones.name as local_starts_at,
        meetups.ends_at at time zone zones.name as local_ends_at
    from meetups
    left join zones on meetups.timezone = zones.name

)

select * from final
