{# What a feed's loads did, stream by stream, as the staging model of either feed names it. #}
{% macro loads_of(relation) -%}
    with

    loads as (

        {{ rows_if_loaded(relation) }}

    ),

    renamed as (

        select
            run_id,
            stream as stream_name,
            rows_in,
            rows_inserted,
            rows_updated,
            rows_deleted,
            rows_rejected,
            rows_stale,
            first_lsn as first_source_version,
            last_lsn as last_source_version,
            started_at,
            finished_at
        from loads

    )

    select * from renamed
{%- endmacro %}
