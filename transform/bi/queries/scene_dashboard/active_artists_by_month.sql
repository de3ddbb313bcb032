-- How many artists released, wrote, performed or were played in each month (UTC).
select
    month_start,
    active_artists
from metric_active_artists
order by month_start
