-- What was played each day (UTC).
select
    played_on,
    plays
from metric_plays
order by played_on
