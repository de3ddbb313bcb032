-- What became of all rows of each stream.
select
    feed,
    stream_name,
    count(*) as loads,
    sum(rows_in) as rows_in,
    sum(rows_inserted) as rows_inserted,
    sum(rows_updated) as rows_updated,
    sum(rows_deleted) as rows_deleted,
    sum(rows_stale) as rows_stale,
    sum(rows_rejected) as rows_rejected
from fct_loads
group by feed, stream_name
order by feed, stream_name
