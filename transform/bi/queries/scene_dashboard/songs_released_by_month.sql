-- What was released each month.
select
    month,
    songs_released
from metric_songs_released
order by month
