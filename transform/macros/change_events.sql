{# The change events of one collection, as every staging model of events names them. #}
{% macro change_events(relation) -%}
    with

    changes as (

        {{ rows_if_loaded(relation) }}

    ),

    renamed as (

        select
            replication_key as change_id,
            object_id as document_id,
            operation_type,
            cluster_time as changed_at,
            _sdc_batched_at as batched_at
        from changes

    )

    select * from renamed
{%- endmacro %}
