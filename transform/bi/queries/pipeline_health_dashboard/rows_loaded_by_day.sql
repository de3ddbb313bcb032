-- What each feed brought a day (UTC), and what was refused of it.
with

loads as (

    select
        *,
        (started_at at time zone 'UTC')::date as loaded_on
    from fct_loads

)

select
    loaded_on,
    feed,
    sum(rows_in) as rows_in,
    sum(rows_rejected) as rows_rejected
from loads
group by loaded_on, feed
order by loaded_on, feed
