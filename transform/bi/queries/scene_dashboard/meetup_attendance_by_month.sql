-- Who was expected at meetups and who came, by the month (UTC) in which they started.
select
    month_start,
    expected_count,
    attended_count,
    meetup_attendance_rate
from metric_meetup_attendance_rate
order by month_start
