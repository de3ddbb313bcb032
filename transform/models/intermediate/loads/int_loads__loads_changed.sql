with

loads as (

    select * from {{ ref('int_loads__loads_united') }}

),

{% if merging() -%}
published as (

    select * from {{ loads_published() }}

),

{% endif -%}
-- A load's row is written in the transaction of the rows that it counts: a load whose numbers are
-- other than published has rows that are not published, whenever it was committed.
changed as (

    select
        loads.feed,
        loads.run_id,
        loads.stream_name,
        loads.rows_in,
        loads.rows_inserted,
        loads.rows_updated,
        loads.rows_deleted,
        loads.rows_rejected,
        loads.rows_stale,
        loads.first_source_version,
        loads.last_source_version,
        loads.started_at,
        loads.finished_at
    from loads
    {% if merging() -%}
        left join published
            on
                loads.feed = published.feed
                and loads.run_id = published.run_id
                and loads.stream_name = published.stream_name
        where
            (
                published.rows_in,
                published.rows_inserted,
                published.rows_updated,
                published.rows_deleted,
                published.rows_rejected,
                published.finished_at
            ) is distinct from (
                loads.rows_in,
                loads.rows_inserted,
                loads.rows_updated,
                loads.rows_deleted,
                loads.rows_rejected,
                loads.finished_at
            )
    {%- endif %}

)

select * from changed
