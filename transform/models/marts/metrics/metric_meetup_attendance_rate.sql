{{ config(materialized='view') }}

with

meetups as (

    select * from {{ ref('fct_meetups') }}

),

summed as (

    select
        date_trunc('month', started_on::timestamp)::date as month_start,
        sum(attended_count) as attended_count,
        sum(registration_count - cancelled_count) as expected_count
    from meetups
    where started_on is not null
    group by 1

),

final as (

    -- Of sums and not of rates: a large meetup weighs more than a small one.
    select
        month_start,
        attended_count,
        expected_count,
        round(attended_count::numeric / nullif(expected_count, 0), 4)::numeric(5, 4)
            as meetup_attendance_rate
    from summed

)

select * from final
