-- The newest meetups: where, when by the clock on the wall, what was performed and who came.
select
    meetups.title,
    meetups.city,
    meetups.local_starts_at,
    meetups.timezone,
    counts.performance_count,
    counts.registration_count,
    counts.attended_count,
    counts.attendance_rate
from fct_meetups as counts
inner join dim_meetups as meetups on counts.meetup_id = meetups.meetup_id
order by meetups.starts_at desc, meetups.title asc
limit 50
