-- The newest load of each stream: when it ended, how long it took and how old its data was.
select distinct on (feed, stream_name)
    feed,
    stream_name,
    started_at,
    finished_at,
    rows_in,
    rows_rejected,
    load_seconds,
    data_age_seconds
from fct_loads
order by feed asc, stream_name asc, started_at desc, run_id asc
