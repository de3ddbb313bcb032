-- What was released each month.
select
    month_start,
    songs_released
from metric_songs_released
order by month_start
