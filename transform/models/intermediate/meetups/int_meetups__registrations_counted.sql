with

registrations as (

    select * from {{ ref('int_meetups__registrations_deduplicated') }}

),

counted as (

    select
        meetup_id,
        count(*)::integer as registration_count,
        (count(*) filter (where status = 'attended'))::integer as attended_count,
        (count(*) filter (where status = 'cancelled'))::integer as cancelled_count
    from registrations
    group by meetup_id

),

rated as (

    select
        meetup_id,
        registration_count,
        attended_count,
        cancelled_count,
        (
            attended_count::numeric / nullif(registration_count - cancelled_count, 0)
        )::numeric(5, 4) as attendance_rate
    from counted

)

select * from rated
