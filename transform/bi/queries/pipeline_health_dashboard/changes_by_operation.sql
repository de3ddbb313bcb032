-- What was done in the live application each day (UTC).
with

changes as (

    select
        *,
        (changed_at at time zone 'UTC')::date as changed_on
    from fct_rap_changes

)

select
    changed_on,
    collection,
    operation_type,
    count(*) as changes
from changes
group by changed_on, collection, operation_type
order by changed_on, collection, operation_type
