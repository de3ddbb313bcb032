{{ config(indexes=[{'columns': ['started_on']}]) }}

with

meetups as (

    select * from {{ ref('int_meetups__meetups_united') }}

),

registrations as (

    select * from {{ ref('int_meetups__registrations_counted') }}

),

performances as (

    select * from {{ ref('int_meetups__performances_united') }}

),

performed as (

    select
        meetup_id,
        count(*)::integer as performance_count
    from performances
    group by meetup_id

),

final as (

    select
        meetups.meetup_id,
        registrations.attendance_rate,
        coalesce(registrations.registration_count, 0) as registration_count,
        coalesce(registrations.attended_count, 0) as attended_count,
        coalesce(registrations.cancelled_count, 0) as cancelled_count,
        coalesce(performed.performance_count, 0) as performance_count,
        (meetups.starts_at at time zone 'UTC')::date as started_on
    from meetups
    left join registrations on meetups.meetup_id = registrations.meetup_id
    left join performed on meetups.meetup_id = performed.meetup_id

)

select * from final
