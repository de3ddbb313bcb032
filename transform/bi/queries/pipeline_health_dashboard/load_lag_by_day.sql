-- How long the slowest changes took from the live application to the warehouse, each day (UTC).
select
    loaded_on,
    collection,
    change_count,
    load_lag_p95_seconds
from metric_load_lag_p95
order by loaded_on, collection
